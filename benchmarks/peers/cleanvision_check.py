"""What cleanvision finds in a folder by default: seven image checks, exact and near duplicates, on two processes."""

import sys

from cleanvision import Imagelab

if __name__ == "__main__":
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues(n_jobs=2, verbose=False)
    print(lab.issue_summary.to_string())
