"""``python -m ccfpse_tf`` is ``ccfpse``, whatever is on the path."""

from ccfpse_tf.commands.main import main

main()
