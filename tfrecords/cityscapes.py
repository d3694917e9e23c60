"""cityscapes"""

from ccfpse_tf.data.prepare import main
from ccfpse_tf.errors import exit_cleanly

if __name__ == "__main__":
    exit_cleanly(lambda: main("cityscapes"))
