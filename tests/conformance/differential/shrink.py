"""Makes a failing script short: leaves steps out as long as what remains still shows a difference."""

import time


def shortest(steps, fails, seconds):
    """`fails(steps)` plays them on fresh servers: None, or (number of the step, difference)."""
    deadline = time.monotonic() + seconds
    size = max(1, len(steps) // 2)
    while time.monotonic() < deadline:
        steps, shorter = _without_pieces(steps, fails, size, deadline)
        if size == 1 and not shorter:
            break
        size = max(1, size // 2)
    return steps


def _without_pieces(steps, fails, size, deadline):
    """Tries to leave out each piece of `size` steps, the last ones first."""
    shorter = False
    end = len(steps)
    while end > 0 and time.monotonic() < deadline:
        begin = max(0, end - size)
        left = steps[:begin] + steps[end:]
        failure = fails(left) if left else None
        if failure:
            left = left[:failure[0] + 1]
            steps, shorter = left, True
        end = min(begin, len(steps))
    return steps, shorter
