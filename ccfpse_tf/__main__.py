"""``python -m ccfpse_tf`` is ``ccfpse``, whatever is on the path."""

from ccfpse_tf.cli import main

main()
