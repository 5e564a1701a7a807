"""The networks of `keras.applications`: module, name, and the side in pixels of the images that each was trained on."""

_SIDES_PX = {
    "convnext": {
        "ConvNeXtBase": 224,
        "ConvNeXtLarge": 224,
        "ConvNeXtSmall": 224,
        "ConvNeXtTiny": 224,
        "ConvNeXtXLarge": 224,
    },
    "densenet": {"DenseNet121": 224, "DenseNet169": 224, "DenseNet201": 224},
    "efficientnet": {
        "EfficientNetB0": 224,
        "EfficientNetB1": 240,
        "EfficientNetB2": 260,
        "EfficientNetB3": 300,
        "EfficientNetB4": 380,
        "EfficientNetB5": 456,
        "EfficientNetB6": 528,
        "EfficientNetB7": 600,
    },
    "efficientnet_v2": {
        "EfficientNetV2B0": 224,
        "EfficientNetV2B1": 240,
        "EfficientNetV2B2": 260,
        "EfficientNetV2B3": 300,
        "EfficientNetV2L": 480,
        "EfficientNetV2M": 480,
        "EfficientNetV2S": 384,
    },
    "inception_resnet_v2": {"InceptionResNetV2": 299},
    "inception_v3": {"InceptionV3": 299},
    "mobilenet": {"MobileNet": 224},
    "mobilenet_v2": {"MobileNetV2": 224},
    "mobilenet_v3": {"MobileNetV3Large": 224, "MobileNetV3Small": 224},
    "nasnet": {"NASNetLarge": 331, "NASNetMobile": 224},
    "resnet": {"ResNet101": 224, "ResNet152": 224, "ResNet50": 224},
    "resnet_v2": {"ResNet101V2": 224, "ResNet152V2": 224, "ResNet50V2": 224},
    "vgg16": {"VGG16": 224},
    "vgg19": {"VGG19": 224},
    "xception": {"Xception": 299},
}

APPLICATIONS = {name: (module, side_px) for module, sides in _SIDES_PX.items() for name, side_px in sides.items()}
"""By name: the module that has its `preprocess_input`, and the side in pixels."""
