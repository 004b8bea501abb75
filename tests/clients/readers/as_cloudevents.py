"""The official CloudEvents SDK reads each golden file (one a line of standard input) and says what it saw."""

import json
import sys

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

for line in sys.stdin:
    event = JSONFormat().read(CloudEvent, line.encode())
    print(json.dumps([event.get_id(), event.get_type(), event.get_subject(), event.get_dataschema(), event.get_data()]))
