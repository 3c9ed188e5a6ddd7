"""Two processes step sharded parameters (FSDP2's DTensor); run as a script, it prints the largest difference of each.

Rules with sums over a tensor are the hard case: a shard's sum is not the tensor's.
"""

import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from optbench.optimizers import create, executor_of

NAMES = ("adamw", "adaplus", "novograd", "lamb", "xgrad+adamw", "xgrad+novograd")


def difference(name: str, mesh: object) -> float:
    torch.manual_seed(0)
    whole = [torch.randn(4, 3), torch.randn(6)]
    plain = [torch.nn.Parameter(t.clone()) for t in whole]
    sharded = [torch.nn.Parameter(distribute_tensor(t, mesh, [Shard(0)])) for t in whole]
    mine, reference = create(name, sharded), create(name, plain, impl="eager")
    for _ in range(4):
        for p, q in zip(sharded, plain, strict=True):
            q.grad = torch.randn_like(q)
            p.grad = distribute_tensor(q.grad.clone(), mesh, [Shard(0)])
        mine.step()
        reference.step()
    assert executor_of(mine) == "eager"
    pairs = zip(sharded, plain, strict=True)
    return max(float((p.full_tensor() - q).detach().abs().max()) for p, q in pairs)


def work(rank: int, file: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    for name in NAMES:
        found = difference(name, mesh)
        if rank == 0:
            print(name, found, flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(work, (sys.argv[1],), nprocs=2)
