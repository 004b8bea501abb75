"""Checks a .tlog-proof of one event: python verify_proof.py PROOF VERIFIER-KEY. Needs `cryptography`, and nothing of ours."""
import base64, hashlib, re, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def take(pattern, text):
    """What stands in the pattern's groups; the text must be of it from its first character to its last."""
    return (re.fullmatch(pattern, text) or sys.exit(f"not a proof: {text[:80]!r}")).groups()

def b64(text):
    data = base64.b64decode(text, validate=True)
    return data if base64.b64encode(data).decode() == text else sys.exit("not a proof: base64 has one form")

sha, number, hashed32 = lambda data: hashlib.sha256(data).digest(), "(0|[1-9][0-9]{0,18})", "[A-Za-z0-9+/]{43}="
name, key_id, public = take(r"([^\s+]+)\+([0-9a-f]{8})\+(.+)", sys.argv[2])
assert b64(public)[0] == 1 and sha(name.encode() + b"\n" + b64(public)).hex()[:8] == key_id, "not a log's verifier key"
head, text, signed = take(r"((?:.+\n)+)\n((?:.+\n)+)\n((?:— .+ .+\n)+)", open(sys.argv[1], encoding="utf-8", newline="").read())
entry, index, proof = take(rf"c2sp\.org/tlog-proof@v1\nextra (.+)\nindex {number}\n((?:{hashed32}\n){{0,63}})", head)
origin, size, root, more = take(rf"(.+)\n{number}\n({hashed32})\n((?:.+\n)*)", text)
entry, index, size, root, path = b64(entry), int(index), int(size), b64(root), [b64(line) for line in proof.split()]

lines = [(by, b64(data)) for by, data in (take("— ([^ ]+) (.+)", line) for line in signed.split("\n")[:-1])]
signatures = [data[4:] for by, data in lines if by == name == origin and data[:4].hex() == key_id]
assert signatures and len(lines) <= 64, "the log's key has not signed it"
for signature in signatures:
    Ed25519PublicKey.from_public_bytes(b64(public)[1:]).verify(signature, text.encode())

assert index < size, "it lies beyond the checkpoint"
node, last, hashed = index, size - 1, sha(b"\0" + entry)
for sibling in path:
    assert last > 0, "the proof is too long"
    left = node & 1 or node == last
    hashed = sha(b"\1" + sibling + hashed) if left else sha(b"\1" + hashed + sibling)
    while left and node and not node & 1:
        node, last = node >> 1, last >> 1
    node, last = node >> 1, last >> 1
assert last == 0 and hashed == root, "it is not in the log of this checkpoint"

told = [line.split(" ")[1:] for line in more.split("\n") if line.startswith("keyledger-unsigned ")]
assert len(told) < 2 and all(re.fullmatch("none|many|[0-9 ]+", " ".join(one)) for one in told), "not a checkpoint"
assert str(index + 1) not in sum(told, []), "no writer signed it: nobody believes it"
print(f"message {index + 1} of {origin}: {entry.decode()}")
