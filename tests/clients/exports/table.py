"""Reads Parquet files with pyarrow, and says their rows as JSON lines: bytes as text, times in milliseconds."""

import json
import sys

import pyarrow.parquet

for path in sys.argv[1:]:
    table = pyarrow.parquet.read_table(path)
    print(json.dumps({"file": path, "columns": {field.name: str(field.type) for field in table.schema}}))
    for row in table.to_pylist():
        row["payload"] = row["payload"].decode()
        row["time"] = row["time"] and int(row["time"].timestamp() * 1000)
        print(json.dumps(row))
