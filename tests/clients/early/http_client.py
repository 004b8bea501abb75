"""Posts bodies with Python's http.client and says the status of each answer, one a line: http_client.py URL BYTES..."""

import http.client
import os
import sys
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
headers = {"Content-Type": "application/json"}
if key := os.environ.get("KEYLEDGER_KEY"):
    headers["Authorization"] = f"Bearer {key}"
connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
for size in sys.argv[2:]:
    body = b"x" * int(size)
    pieces = (body[at : at + 65536] for at in range(0, len(body), 65536))
    # With its length, and in chunks.
    for sent, chunked in ((body, False), (pieces, True)):
        connection.request("POST", url.path, sent, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        print(answer.status)
