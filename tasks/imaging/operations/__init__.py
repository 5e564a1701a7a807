"""Operations on the pixels of single images: each a pure function of an image and its own frozen settings."""
