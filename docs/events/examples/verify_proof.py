"""Checks a .tlog-proof of one event: python verify_proof.py PROOF VERIFIER-KEY. Needs `cryptography`, and nothing of ours."""
import sys, hashlib, base64; from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

head, text, signed = open(sys.argv[1], encoding="utf-8", newline="").read().split("\n\n")
lines, (origin, size, root), key = head.split("\n"), text.split("\n"), base64.b64decode(sys.argv[2].split("+", 2)[2])
b64, sha = base64.b64decode, lambda data: hashlib.sha256(data).digest()
entry, index, path = b64(lines[1].removeprefix("extra ")), int(lines[2].removeprefix("index ")), [b64(line) for line in lines[3:]]
signatures = [b64(line.split(" ")[2])[4:] for line in signed.splitlines() if line.startswith(f"— {origin} ")]
assert sys.argv[2].startswith(origin + "+") and key[0] == 1 and index < int(size)
Ed25519PublicKey.from_public_bytes(key[1:]).verify(signatures[0], (text + "\n").encode())
node, last, hashed = index, int(size) - 1, sha(b"\0" + entry)
for sibling in path:
    left = node & 1 or node == last
    hashed = sha(b"\1" + sibling + hashed) if left else sha(b"\1" + hashed + sibling)
    while left and node and not node & 1:
        node, last = node >> 1, last >> 1
    node, last = node >> 1, last >> 1
assert last == 0 and hashed == b64(root), "it is not in the log of this checkpoint"
print(f"message {index + 1} of {origin}: {entry.decode()}")
