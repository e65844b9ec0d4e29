"""A file to start from: it trains on scanned digits as it is, and says what else could stand in it."""

from __future__ import annotations

from typing import Final

from lineside.language import text

_COMMENTS: Final = {
    "head": (
        "A training from a file: lineside train config.yaml",
        "由文件描述的训练：lineside train config.yaml",
    ),
    "needs": (
        "The digits need: pip install 'lineside[demo]'",
        "手写数字示例需要：pip install 'lineside[demo]'",
    ),
    "schema": (
        "Editors complete and check it with: lineside config schema > lineside.schema.json",
        "编辑器补全与检查：lineside config schema > lineside.schema.json",
    ),
    "names": (
        "package.module:name is imported; modules beside this file are found. Arguments are indented below a name.",
        "package.module:name 会被导入；与本文件同目录的模块可直接使用。参数缩进写在名称之下。",
    ),
    "data": (
        "Returns (train, val, test) loaders. Or one each: train: …, val: …, test: …",
        "返回 (train, val, test) 数据加载器；也可分别写 train: …、val: …、test: …",
    ),
    "params": ("The parameters of the model are filled in.", "模型参数会自动填入。"),
    "planned": (
        "Or a rate that is planned ahead: this, and enabled: false for reduce-lr-on-plateau below.",
        "也可预先规划学习率：启用这一段，并在下面的 reduce-lr-on-plateau 中写 enabled: false。",
    ),
    "callbacks": (
        "Names, or names with options; lineside callbacks lists them. enabled: false switches one off.",
        "名称，或名称加选项；lineside callbacks 列出全部。enabled: false 可关闭。",
    ),
    "preset": (
        "ModelCheckpoint, EarlyStopping and ReduceLROnPlateau",
        "ModelCheckpoint、EarlyStopping 与 ReduceLROnPlateau",
    ),
    "variables": (
        "Variables of the environment: ${NAME}, or with a default; never stored.",
        "环境变量：${NAME}，可带默认值；其值不会被保存。",
    ),
}


def template() -> str:
    """Return the file, with comments in the language of the reader."""
    lines = {name: f"# {text(*both)}" for name, both in _COMMENTS.items()}
    return f"""\
# yaml-language-server: $schema=lineside.schema.json
{lines["head"]}
{lines["needs"]}
{lines["schema"]}

{lines["names"]}
model: lineside.cli.digits:network

{lines["data"]}
data: lineside.cli.digits:loaders

{lines["params"]}
optimizer:
  torch.optim:SGD:
    lr: 0.02
    momentum: 0.9
    weight_decay: 1e-4

{lines["planned"]}
# scheduler:
#   torch.optim.lr_scheduler:CosineAnnealingLR:
#     T_max: 20

loss: torch.nn.functional:cross_entropy

metrics:
  accuracy: lineside.cli.digits:accuracy

{lines["callbacks"]}
callbacks:
  - iron-triangle: {lines["preset"]}
      early-stopping:
        patience: 8
        min_delta: 1e-3
        restore_best_weights: true
      reduce-lr-on-plateau:
        patience: 3
  - terminate-on-nan
  - training-monitor
  - TensorBoard:
      enabled: false
      histograms: 5 epochs

trainer:
  project: digits
  epochs: 20
  {lines["variables"]}
  run_dir: ${{RUN_DIR:-runs}}
"""
