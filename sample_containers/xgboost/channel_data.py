"""The files of a channel as one matrix: text/csv or text/libsvm, the label first."""

import itertools

import numpy
import scipy.sparse
import xgboost


def read_channel(directory, content_type, hyperparameters):
    """libsvm by default, as on SageMaker. Raises ValueError for other content types and for no rows."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    kind = (content_type or "text/libsvm").split(";")[0].strip().lower()
    lines = itertools.chain.from_iterable(map(rows_of, files))
    if kind in ("text/csv", "csv"):
        return read_csv(lines, hyperparameters.has_csv_weights)
    if kind in ("text/libsvm", "text/x-libsvm", "libsvm"):
        return read_libsvm(lines)
    raise ValueError(f"{content_type!r} is no accepted content type: text/csv, text/libsvm.")


def rows_of(file):
    with file.open() as lines:
        yield from filter(None, map(str.strip, lines))


def read_csv(lines, has_weights):
    """Label, then the weight where csv_weights=1, then the features; an empty cell is a missing value."""
    cells = [[float(cell) if cell.strip() else numpy.nan for cell in line.split(",")] for line in lines]
    if len({len(row) for row in cells}) != 1:
        raise ValueError("the CSV files need rows, all of the same number of columns and without a header.")
    table = numpy.array(cells)
    first = 2 if has_weights else 1
    return xgboost.DMatrix(table[:, first:], label=table[:, 0], weight=table[:, 1] if has_weights else None)


def read_libsvm(lines):
    """`label[:weight] index:value ...`; what a row does not name is missing."""
    labels, weights, columns, values, starts = [], [], [], [], [0]
    for line in lines:
        head, *pairs = line.split()
        label, _, weight = head.partition(":")
        labels.append(float(label))
        weights.append(float(weight or 1))
        for pair in pairs:
            column, _, value = pair.partition(":")
            columns.append(int(column))
            values.append(float(value))
        starts.append(len(columns))
    if not labels:
        raise ValueError("the libsvm files need rows.")
    features = scipy.sparse.csr_matrix(
        (values, columns, starts), shape=(len(labels), max(columns, default=0) + 1)
    )
    return xgboost.DMatrix(features, label=labels, weight=weights)
