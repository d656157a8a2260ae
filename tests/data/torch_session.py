"""What people write, in PyTorch's words; `torch_session.txt` is what PyTorch 2.13 printed."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
torch.set_default_dtype(torch.float64)


def fill(m):
    with torch.no_grad():
        for p in m.parameters():
            p.copy_(torch.tensor(rng.normal(size=tuple(p.shape)) * 0.3))
    return m


def show(*v):
    print(
        *[np.round(np.asarray(x.detach().numpy() if hasattr(x, "detach") else x, dtype=float), 8).tolist() for x in v]
    )


# 1 GAN
G = fill(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)))
D = fill(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()))
og = optim.Adam(G.parameters(), lr=0.01, betas=(0.5, 0.999))
od = optim.Adam(D.parameters(), lr=0.01)
mse = nn.MSELoss()
for _ in range(6):
    real = torch.tensor(rng.normal(size=(5, 4)))
    z = torch.tensor(rng.normal(size=(5, 3)))
    od.zero_grad()
    fake = G(z)
    dl = mse(D(real), torch.ones(5, 1)) + mse(D(fake.detach()), torch.zeros(5, 1))
    dl.backward()
    od.step()
    og.zero_grad()
    gl = mse(D(fake), torch.ones(5, 1))
    gl.backward()
    og.step()
    show(dl, gl)
# 2 accumulate + accuracy + freeze
m = fill(nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)))
ce = nn.CrossEntropyLoss()
m[0].bias.requires_grad = False
o = optim.SGD([p for p in m.parameters() if p.requires_grad], lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True)
X = torch.tensor(rng.normal(size=(40, 4)))
Y = torch.tensor(rng.integers(0, 3, 40))
sch = optim.lr_scheduler.StepLR(o, 2, 0.5)
for _ep in range(4):
    total = 0
    correct = 0
    for i, (xb, yb) in enumerate(DataLoader(TensorDataset(X, Y), batch_size=7)):
        out = m(xb)
        loss = ce(out, yb) / 2
        loss.backward()
        if i % 2:
            o.step()
            o.zero_grad()
        total += loss.item() * len(xb)
        correct += (out.argmax(1) == yb).sum().item()
    sch.step()
    print(round(total, 8), correct, o.param_groups[0]["lr"])
# 3 RNN by hand
W = torch.tensor(rng.normal(size=(4, 4)) * 0.5, requires_grad=True)
U = torch.tensor(rng.normal(size=(2, 4)), requires_grad=True)
seq = torch.tensor(rng.normal(size=(6, 3, 2)))
tgt = torch.tensor(rng.normal(size=(3, 4)))
opt = optim.AdamW([W, U], lr=0.05)
for _ in range(4):
    h = torch.zeros(3, 4)
    for t in range(6):
        h = torch.tanh(seq[t] @ U + h @ W)
    loss = ((h - tgt) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    g = nn.utils.clip_grad_norm_([W, U], 0.1)
    opt.step()
    show(loss, g, W.grad.norm())
# 4 linear regression by hand
w = torch.zeros(2, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
x = torch.tensor(rng.normal(size=(20, 2)))
y = x @ torch.tensor([1.0, -2.0]) + 0.5
for _ in range(5):
    loss = ((x @ w + b - y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
    show(loss, w, b)
for _ in range(3):
    loss = ((x @ w + b - y) ** 2).mean()
    w.grad = None
    b.grad = None
    loss.backward()
    w.data -= 0.1 * w.grad.data
    b.data = b.data - 0.1 * b.grad
    show(loss, w, b)
# 5 conv bn net w early stopping copy
net = fill(
    nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 3 * 3, 2),
    )
)
o = optim.Adam(net.parameters(), lr=0.02)
images = torch.tensor(rng.normal(size=(12, 1, 6, 6)))
L = torch.tensor(rng.integers(0, 2, 12))
best = None
for _ep in range(4):
    net.train()
    o.zero_grad()
    loss = ce(net(images), L)
    loss.backward()
    o.step()
    net.eval()
    with torch.no_grad():
        v = ce(net(images), L).item()
    if best is None or v < best[0]:
        best = (v, copy.deepcopy(net.state_dict()))
    show(loss, v)
net.load_state_dict(best[1])
with torch.no_grad():
    show(ce(net(images), L))
    show(net[1].running_var)
    print(net[1].num_batches_tracked.item())
m2 = copy.deepcopy(net)
with torch.no_grad():
    m2[0].weight.zero_()
show(net[0].weight.sum(), m2[0].weight.sum())
# 6 VAE-like
enc = fill(nn.Linear(4, 4))
dec = fill(nn.Linear(2, 4))
o = optim.Adam([*enc.parameters(), *dec.parameters()], lr=0.03)
for _ in range(3):
    eps = torch.tensor(rng.normal(size=(40, 2)))
    mu, lv = enc(X).chunk(2, dim=1)
    z = mu + torch.exp(0.5 * lv) * eps
    rec = F.mse_loss(dec(z), X, reduction="sum")
    kl = -0.5 * torch.sum(1 + lv - mu.pow(2) - lv.exp())
    loss = rec + kl
    o.zero_grad()
    loss.backward()
    o.step()
    show(rec, kl)
# 7 DQN-like gather, target max
q = fill(nn.Linear(4, 3))
tq = copy.deepcopy(q)
o = optim.SGD(q.parameters(), lr=0.1)
A = torch.tensor(rng.integers(0, 3, (40, 1)))
for _ in range(3):
    qa = q(X).gather(1, A).squeeze(1)
    with torch.no_grad():
        target = 1 + 0.9 * tq(X).max(1)[0]
    loss = F.mse_loss(qa, target)
    o.zero_grad()
    loss.backward()
    o.step()
    show(loss)
    for p, tp in zip(q.parameters(), tq.parameters(), strict=False):
        tp.data.copy_(0.1 * p.data + 0.9 * tp.data)
show(tq.weight)
t = torch.arange(6).reshape(2, 3)
print(
    t, t.dtype, t.float(), t.shape, torch.tensor([1.5, 2e-5]), torch.tensor([True]), torch.zeros(0), torch.tensor(3.0)
)
print(torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True))
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = a * 2
b[0] = 5
b.sum().backward()
print(a.grad)
v = a.detach()
print(v.requires_grad, a.is_leaf, b.is_leaf, (a > 1).any(), len(a), [float(k) for k in a])
s = torch.stack([a[i] * i for i in range(3)]).sum()
a.grad = None
s.backward()
print(a.grad)
x = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
x[x < 0] = 0
print(x)
x[:, 0] *= 2
print(x)
print(x.std(), x.var(dim=1), x.norm(dim=1), x.max(dim=0))
print(x.sum().item(), x.mean(0).tolist(), (x @ x.T).trace())
