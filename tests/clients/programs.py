"""Programs of PyTorch's, written as files into the directory that is named, and what they say of some rows, printed as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

ROWS = [[30.0, 1.0], [45.0, 4.0], [60.5, 0.0]]


class Net(torch.nn.Module):
    """Two logits of two columns."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Apart(torch.nn.Module):
    """One value of two columns that come each by itself, whole numbers the second."""

    def forward(self, age: torch.Tensor, visits: torch.Tensor) -> torch.Tensor:
        return age * 2 + visits


def main(place: Path) -> None:
    torch.manual_seed(7)
    net, apart = Net().eval(), Apart()
    rows = torch.tensor(ROWS)
    any_number = torch.export.Dim("rows", min=1)
    torch.export.save(torch.export.export(net, (rows,), dynamic_shapes=({0: any_number},)), place / "net.pt2")
    torch.export.save(torch.export.export(net, (rows[:2],)), place / "two.pt2")  # for two rows at once, never more or fewer
    given = (rows[:, 0].contiguous(), rows[:, 1].to(torch.int64))
    torch.export.save(torch.export.export(apart, given, dynamic_shapes=({0: any_number}, {0: any_number})), place / "apart.pt2")
    torch.jit.save(torch.jit.trace(net, rows), place / "net.pt")
    torch.save(net.state_dict(), place / "weights.pt")
    chances = torch.softmax(net(rows), dim=1).tolist()
    print(json.dumps({"rows": ROWS, "chances": chances, "values": apart(*given).tolist()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
