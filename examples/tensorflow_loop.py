"""A loop of one's own with GradientTape; started again after a kill, it goes on with the batch that comes next."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

import lineside

generator = np.random.default_rng(0)
x = generator.normal(size=(400, 4)).astype("float32")
y = (x.sum(axis=1, keepdims=True) > 0).astype("float32")
train_data = tf.data.Dataset.from_tensor_slices((x[:320], y[:320])).batch(32)
val_data = tf.data.Dataset.from_tensor_slices((x[320:], y[320:])).batch(80)

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
optimizer = keras.optimizers.Adam(0.01)
optimizer.build(model.trainable_variables)
loss_of = keras.losses.BinaryCrossentropy()


@tf.function
def train_step(inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Make one optimizer step, and return the loss, a scalar."""
    with tf.GradientTape() as tape:
        loss = loss_of(targets, model(inputs, training=True))
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return loss


with lineside.Run(
    model=model,
    optimizer=optimizer,
    callbacks=["model-checkpoint", "early-stopping"],
    name="tensorflow",
    resume="auto",
) as run:
    for _ in run.epochs(5):
        for inputs, targets in run.batches(train_data):
            run.log({"loss": train_step(inputs, targets)})  # train/loss
            run.stepped()
        with run.validation():
            for inputs, targets in run.batches(val_data):
                run.log({"loss": loss_of(targets, model(inputs))})  # val/loss

print(run.reason, run.dir)
print("val/loss:", run.history["val/loss"][-1])
