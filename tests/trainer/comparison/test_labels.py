"""Labels of a figure: none lies on another or on a point, and those that are free stay where they are."""

from matplotlib.figure import Figure

from ganglion.trainer.comparison.labels import separate

ABOVE, BELOW = (0, 6), (0, -6)


def _labelled(points):
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    labels = [
        axes.annotate("12 weights\n3 min", xy, offset, textcoords="offset points", ha="center",
                      va="bottom" if offset == ABOVE else "top")
        for xy, offset in points
    ]  # fmt: skip
    separate(figure, labels)
    return axes, labels


def _overlaps(labels):
    boxes = [label.get_window_extent() for label in labels]
    return any(box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[:index])


def test_labels_that_meet_move_away_from_their_points():
    axes, labels = _labelled([((5, 5), ABOVE), ((5.3, 5.2), ABOVE), ((5, 4.8), BELOW), ((5.5, 4.5), BELOW)])
    assert not _overlaps(labels)
    assert all(label.xyann[1] >= 6 for label in labels[:2]) and all(label.xyann[1] <= -6 for label in labels[2:])
    for label in labels:
        for other in labels:
            assert not label.get_window_extent().contains(*axes.transData.transform(other.xy))


def test_a_label_that_is_free_stays():
    _, labels = _labelled([((2, 2), ABOVE), ((8, 8), BELOW)])
    assert [label.xyann for label in labels] == [ABOVE, BELOW]
