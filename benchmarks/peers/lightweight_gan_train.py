"""Trains lightweight-gan 1.2.1 on a CPU with its own training step, and draws samples from it.

    PYTHON lightweight_gan_train.py IMAGES.npy SAMPLES.npz COUNT SEED CPU_SECONDS

The package refuses to be imported without CUDA and moves everything there. So here, and only here, PyTorch says that
there is CUDA while it is imported, `.cuda()` leaves things where they are, and devices named cuda are the CPU. Its
networks, losses, augmentation and optimisers run as they are, with the defaults of its command line (batches of 10,
four of them per update), but no checkpoints and pictures, which would cost it time. Images come from memory. Its
averaged generator follows only after 20,000 updates, and until then is a copy, up to 1,000 updates old: so samples are
of the current one.
"""

import json
import os
import resource
import sys
import tempfile
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

BATCH, ACCUMULATED = 10, 4


class OnCpu:
    """The module torch, as the package sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def device(*_: Any) -> torch.device:
        return torch.device("cpu")


def imported() -> Any:
    """The package's module, made to stay on the CPU."""
    real = torch.cuda.is_available
    torch.cuda.is_available = lambda: True
    try:
        from lightweight_gan import lightweight_gan
    finally:
        torch.cuda.is_available = real
    lightweight_gan.torch = OnCpu()
    torch.Tensor.cuda = lambda self, *_: self
    torch.nn.Module.cuda = lambda self, *_: self
    return lightweight_gan


def batches(images: np.ndarray, seed: int) -> Any:
    """float32 [BATCH, C, S, S] in [0, 1], every image once per round."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = images[order[start : start + BATCH]]
            yield torch.from_numpy(np.moveaxis(chosen, 3, 1).astype(np.float32) / 255)


def main() -> None:
    given, wanted, count, seed, cpu_seconds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:5]), float(sys.argv[5])
    images = np.load(given)
    package = imported()
    torch.manual_seed(seed)
    os.chdir(tempfile.mkdtemp())
    trainer = package.Trainer(
        image_size=images.shape[1], greyscale=images.shape[3] == 1, batch_size=BATCH, use_aim=False,
        gradient_accumulate_every=ACCUMULATED, attn_res_layers=[32], disc_output_size=1,
        aug_prob=min(0.5, (1e5 - len(images)) * 3e-6), aug_types=["cutout", "translation"],
    )  # fmt: skip
    trainer.loader, trainer.save, trainer.evaluate = batches(images, seed), lambda *_, **__: None, lambda *_, **__: None
    started = time.process_time()
    while time.process_time() - started < cpu_seconds:
        trainer.train()
    used = time.process_time() - started
    about = SimpleNamespace(images_seen=trainer.steps * BATCH * ACCUMULATED, cpu_seconds=round(used, 1))
    about.alarms, about.steps, about.threads = [], trainer.steps, torch.get_num_threads()
    about.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    network = trainer.GAN.G.eval()
    with torch.no_grad():
        made = [network(torch.randn(min(100, count - at), trainer.GAN.latent_dim)) for at in range(0, count, 100)]
    levels = torch.cat(made).clamp(0, 1).mul(255).round().byte().numpy()
    np.savez(wanted, images=np.moveaxis(levels, 1, 3), about=json.dumps(vars(about)))


if __name__ == "__main__":
    main()
