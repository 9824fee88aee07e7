"""No tracked file holds what looks like a key that opens something."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each needs enough behind its beginning to be a real one: a test's stand-in is shorter.
PATTERNS = {
    "key of AWS": rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "secret of AWS": rb"(?i)aws.{0,20}secret.{0,20}['\"][0-9a-z/+]{40}['\"]",
    "private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----\s*(?:\\n)?[0-9A-Za-z+/=]{20}",
    "live key of Stripe": rb"\b[rs]k_live_[0-9A-Za-z]{16,}",
    "webhook secret of Stripe": rb"\bwhsec_[0-9A-Za-z+/]{32,}",
    "token": rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "token of GitHub": rb"\b(?:gh[opsur]_[0-9A-Za-z]{36}|github_pat_\w{60,})",
    "token of Slack": rb"\bxox[abeoprs]-[0-9A-Za-z-]{20,}",
    "key of a model provider": rb"\bsk-(?:proj|ant|svcacct)-[\w-]{20,}",
}
# Made here from halves, so that this file holds none of them.
SAMPLES = {
    "key of AWS": "AKIA" + "ABCDEFGHIJKLMNOP",
    "secret of AWS": "aws_secret_access_key = '" + "aB3/" * 10 + "'",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIE" * 16,
    "live key of Stripe": "sk_" + "live_" + "a1B2" * 6,
    "webhook secret of Stripe": "whsec" + "_" + "a1B2" * 8,
    "token": "eyJ" + "hbGciOiJI" * 3 + "." + "eyJ" + "zdWIiOiIx" * 3 + "." + "a1B2" * 10,
    "token of GitHub": "ghp" + "_" + "a1B2" * 9,
    "token of Slack": "xoxb" + "-" + "1234567890-" * 2 + "abc",
    "key of a model provider": "sk-" + "proj-" + "a1B2" * 8,
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_each_pattern_finds_what_it_is_for(kind):
    assert re.search(PATTERNS[kind], SAMPLES[kind].encode())


def test_no_tracked_file_holds_a_secret():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            content = path.read_bytes()
            found += [(name, kind) for kind, text in PATTERNS.items() if re.search(text, content)]
    assert found == []
