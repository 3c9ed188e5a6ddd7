"""Checkpoints of unfinished runs: written whole or not at all, read without executing anything."""

import io
import pickle
import zipfile
from typing import Any

import torch

from optbench._files import write
from optbench.store import Store

FORMAT = 3


def save_checkpoint(store: Store, key: str, state: dict[str, Any]) -> None:
    """Store where a run is. A state that cannot be pickled is noted; the run then cannot be resumed.

    Raises:
        OptbenchError: when the store cannot be written.
    """
    buffer = io.BytesIO()  # so that a full disk is met by `write`, which words it
    try:
        torch.save({"format": FORMAT, **state}, buffer)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        store.note(f"this optimizer's state cannot be saved, so the run cannot be resumed ({error})")
        return
    write(store.checkpoint(key), buffer.getbuffer(), sync=False)


def save_weights(store: Store, key: str, model: torch.nn.Module) -> None:
    """Leave a model's weights and buffers beside its run's result: `torch.load(path, weights_only=True)` reads them.

    Raises:
        OptbenchError: when the store cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({name: tensor.cpu() for name, tensor in model.state_dict().items()}, buffer)
    write(store.weights(key), buffer.getbuffer(), sync=False)


def load_checkpoint(store: Store, key: str) -> dict[str, Any] | None:
    """Return what `save_checkpoint` stored, or None; a file that cannot be used is noted."""
    path = store.checkpoint(key)
    if not path.exists():
        return None
    try:
        # on the CPU first: the random number states must stay there, and load_state_dict moves the rest
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] == FORMAT:
            return state
    except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
    except (pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
    else:
        reason = "another format"
    store.note(f"{path} cannot be used ({reason}): the run starts again")
    return None
