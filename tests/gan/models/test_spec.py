import re

import pytest

from datasets.errors import BadInput
from gan.models.spec import check_image_shape


@pytest.mark.parametrize("shape", [(5, 16, 17, 1), (5, 20, 20, 1), (5, 16, 16, 4), (5, 16, 16)], ids=str)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    sentence = (
        f"images have shape {shape}; a generator needs [N, side, side, 1 or 3] with a side of 16, 28, 32, 64, 128 px; "
        "prepare the data set with such a size"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        check_image_shape(shape)
