"""img2dataset: local photographs to 256-px JPEG shards, on two processes; without its EXIF and sha256 options."""

import os
import sys
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # which it would look for on the network
from img2dataset import download

if __name__ == "__main__":
    photos, out = map(Path, sys.argv[1:])
    urls = out / "urls.txt"
    urls.write_text("\n".join(f"file://{path.resolve()}" for path in sorted(photos.rglob("*.jpg"))), encoding="utf-8")
    download(
        url_list=str(urls),
        output_folder=str(out / "shards"),
        output_format="webdataset",
        image_size=256,
        resize_mode="center_crop",
        encode_quality=95,
        processes_count=2,
        thread_count=4,
        number_sample_per_shard=250,
        extract_exif=False,
        compute_hash=None,
    )
