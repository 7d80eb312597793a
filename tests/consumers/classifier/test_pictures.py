"""The pictures of a training run are well-formed and show the numbers."""

import numpy as np
from lxml import etree

from consumers.classifier.decide import Labels
from consumers.classifier.training import pictures

SVG = "{http://www.w3.org/2000/svg}"


def test_the_curve_has_a_line_for_each_loss_and_leaves_out_what_is_unknown() -> None:
    rows = [
        {"epoch": 0.0, "train": float("nan"), "dev": 4.0},
        {"epoch": 1.0, "train": 3.0, "dev": 2.0},
        {"epoch": 2.0, "train": 2.0, "dev": 1.0},
    ]
    lines = etree.fromstring(pictures.curve(rows)).findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 3]
    assert lines[1].attrib["points"].split()[0].endswith(f",{pictures.MARGIN}.0")  # the highest loss, at the top


def test_the_confusion_counts_every_pair() -> None:
    def labels(stance: list[list[int]]) -> Labels:
        rows = np.array(stance, np.int64)
        return Labels(np.ones(len(rows), bool), np.ones((len(rows), 1), bool), rows)

    drawn = etree.fromstring(pictures.confusion(labels([[0, 1], [2, 1]]), labels([[0, 1], [2, 3]])))
    texts = [one.text for one in drawn.findall(f"{SVG}text")]
    assert texts.count("1") == 4
    assert texts.count("50%") == 2
    assert len(drawn.findall(f"{SVG}rect")) == 1 + 16
