"""A worker for the tests of limited_network: writes its number and what it sees, then fails or waits."""

import json
import os
import sys
import time
from pathlib import Path

from experiments import limited_network


def main(spec: dict) -> None:
    limited_network.wait_for_link()
    links = [line.split(":")[0].strip() for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
    (Path(spec["pids"]) / str(spec["rank"])).write_text(str(os.getpid()))
    Path(spec["output"]).write_text(json.dumps({"links": sorted(links), "sent": limited_network.bytes_sent()}))
    if spec["then"] == "fail" and spec["rank"] == 1:
        sys.exit(3)
    if spec["then"] != "end":
        time.sleep(600)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
