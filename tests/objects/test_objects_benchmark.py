"""The table of what objects take."""

from benchmarks.objects import Measured, Stage, table


def test_times_are_beside_one_pass_and_cuts_and_memory_in_a_sentence():
    found = Measured(
        (Stage("once: imports", 3.0, 4.0),),
        (Stage("coarse objects", 1.0, 1.5),),
        Stage("one pass of the ViT", 0.4, 0.5),
        (0.004, 0.012),
        345_000_000,
    )
    lines = table(found).splitlines()
    assert lines[2] == "| once: imports | 3.00 s | 4.00 s | 8.0 |"
    assert lines[3] == "| coarse objects | 1.00 s | 1.50 s | 3.0 |"
    assert lines[4] == "| one pass of the ViT | 0.40 s | 0.50 s | 1.0 |"
    assert lines[6].startswith("A cut of the merge tree with its labels and boxes takes 4 ms (12 ms at most)")
    assert lines[6].endswith("345 MB at the peak.")
