"""Control characters, as they appear in the log events of training jobs."""

import re

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_ESCAPES = {character: f"#{ord(character):03o}" for character in map(chr, (*range(0x20), 0x7F))}


def escape_control_characters(line: str) -> str:
    """Syslog's escapes: tab is `#011`, ESC `#033`; carriage returns at the end of the line are dropped.

    Source: tab and ESC are seen in thousands of published SageMaker logs, and the metric regexes of the
    built-in XGBoost expect `#011`. The other characters follow syslog's rule.
    """
    line = line.rstrip("\r")
    if _CONTROL.search(line):
        for character, escape in _ESCAPES.items():
            line = line.replace(character, escape)
    return line
