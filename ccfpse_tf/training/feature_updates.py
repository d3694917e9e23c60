"""Clusters of instance features, found anew while a generator is trained."""

from ccfpse_tf.gan.feature_clusters import find_clusters
from ccfpse_tf.training.callbacks import StepCallback


class FeatureClusterUpdates(StepCallback):
    """Finds the clusters that images are drawn with before they are needed.

    At the end of the training all training images are encoded, before that only some.

    Args:
        store: knows the model's step.
        due: takes a step and returns True if images or a checkpoint are made after it.
        examples: batches of all training images, in an order that does not change.
        some: number of the batches that do before the end.
        seed: of the clustering.
        total_steps: step at which the training ends.
    """

    def __init__(self, store, due, examples, some: int, seed: int, total_steps: int):
        super().__init__(store)
        self.is_due = due
        self.examples = examples
        self.some = some
        self.seed = seed
        self.total_steps = total_steps

    def on_train_batch_end(self, batch, logs=None):
        """Finds them when due."""
        step = self.store.step
        if step >= self.total_steps:
            find_clusters(self.model, self.examples, self.seed)
        elif self.is_due(step):
            find_clusters(self.model, self.examples.take(self.some), self.seed)
