"""Passwords and signatures in URLs, which no message, record or manifest shows."""

import re

PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]+@")
SIGNATURE = re.compile(
    r"([?&][\w%.-]*(?:sig|token|key|secret|credential|pass|pwd)[\w%.-]*=)[^&\s'\"]+", re.IGNORECASE
)


def redacted(text: object) -> str:
    """Return text without the passwords and signatures that URLs in it carry."""
    return SIGNATURE.sub(r"\1***", PASSWORD.sub(r"\1***@", str(text)))
