"""``python -m ccfpse_tf`` runs ``ccfpse`` even where the command is not on the path."""

from ccfpse_tf.commands.main import main

main()
