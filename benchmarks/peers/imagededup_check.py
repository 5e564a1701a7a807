"""What imagededup finds in a folder: perceptual hashes on two processes, then all pairs within its default distance."""

import sys

from imagededup.methods import PHash

if __name__ == "__main__":
    hasher = PHash(verbose=False)
    hashes = hasher.encode_images(image_dir=sys.argv[1], recursive=True, num_enc_workers=2)
    groups = hasher.find_duplicates(encoding_map=hashes, max_distance_threshold=10, num_dist_workers=2)
    print(len(hashes), "hashes,", sum(map(bool, groups.values())), "with neighbours")
