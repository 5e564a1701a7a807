"""What is known of the image data sets of keras.datasets: names of their classes, licences, and files."""

from typing import NamedTuple

KERAS_SPLITS = ("train", "test")


class KerasDataset(NamedTuple):
    """`class_names` in order of class id; `files` are those below `datasets/` of Keras' home that spare a download."""

    class_names: tuple[str, ...]
    files: tuple[str, ...]
    licence: str | None
    other_kind: str


_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = (
    *("apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl"),
    *("boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair"),
    *("chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin"),
    *("elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp"),
    *("lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain"),
    *("mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck"),
    *("pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road"),
    *("rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider"),
    *("squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger"),
    *("tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman"),
    "worm",
)
_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_FASHION_FILES = tuple(
    f"fashion-mnist/{split}-{kind}-ubyte.gz" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)

KERAS_DATASETS = {
    "cifar10": KerasDataset(_CIFAR10, ("cifar-10-batches-py-target_archive",), None, "cifar"),
    "cifar100": KerasDataset(_CIFAR100, ("cifar-100-python-target_archive",), None, "cifar"),
    "fashion_mnist": KerasDataset(_FASHION, _FASHION_FILES, "MIT", "idx"),
    "mnist": KerasDataset(tuple("0123456789"), ("mnist.npz",), "CC-BY-SA-3.0", "idx"),
}
