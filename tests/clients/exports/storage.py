"""S3-compatible storage on loopback: moto's, behind a check of each request's signature by botocore.

Started with the access key's id and secret and a bucket's name; says its port on standard output.
"""

import base64
import json
import os
import sys
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCESS, SECRET, BUCKET = sys.argv[1:4]
REGION = "eu-test-1"


def signature(environ):
    """The signature that botocore makes of the request, and the one that it bears."""
    query = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    told = dict(query)
    url = f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI'].split('?')[0]}"
    signed = told["X-Amz-SignedHeaders"].split(";")
    headers = {name: environ["HTTP_" + name.upper().replace("-", "_")] for name in signed}
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers)
    request.params = {name: value for name, value in query if name != "X-Amz-Signature"}
    request.context["timestamp"] = told["X-Amz-Date"]
    auth = S3SigV4QueryAuth(Credentials(ACCESS, SECRET), "s3", told["X-Amz-Credential"].split("/")[2])
    canonical = "\n".join(
        [
            request.method,
            auth._normalize_url_path(urlsplit(url).path),
            auth.canonical_query_string(request),
            auth.canonical_headers(auth.headers_to_sign(request)) + "\n",
            auth.signed_headers(auth.headers_to_sign(request)),
            "UNSIGNED-PAYLOAD",
        ]
    )
    request.context["timestamp"] = told["X-Amz-Date"]
    made = auth.signature(auth.string_to_sign(request, canonical), request)
    known = told["X-Amz-Credential"].split("/")[0] == ACCESS
    return made if known else None, told.get("X-Amz-Signature")


def objects(start):
    """What lies in the bucket, for the test: JSON, each body in base64."""
    bucket = s3_backends["123456789012"]["aws"].buckets[BUCKET]
    held = {name: base64.b64encode(key.value).decode() for name, key in bucket.keys.items()}
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(held).encode()]


class Checked:
    """Lets through what is signed well."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start):
        if environ["PATH_INFO"] == "/-/objects":
            return objects(start)
        try:
            made, borne = signature(environ)
        except KeyError as missing:
            made, borne = None, f"not signed: {missing}"
        if made is None or made != borne:
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"SignatureDoesNotMatch"]
        return self.app(environ, start)


def main():
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = ACCESS, SECRET
    inner = DomainDispatcherApplication(create_backend_app)
    s3_backends["123456789012"]["aws"].create_bucket(BUCKET, REGION)
    server = make_server("127.0.0.1", 0, Checked(inner), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


main()
