"""The README of an exported version: what it is, and how to ask it."""

from ccfpse_tf.export.comparison import Difference

TEXT = """\
# {name}, version {version}

{title}, trained for {step} steps; {size}, {style}.
Weights: {precision}, {megabytes:.1f} MB. Against the trained model in float32: at most
{largest} grey levels of 255, {mean:.4f} in the mean ({images} images{wide}).

Signatures and errors: `docs/export.md` of ccfpse_tf. Serve it with `docker compose up`
in the folder above this model's (TensorFlow Serving), or with `ccfpse serve`. Then, in
this folder:

```sh
SERVER=${{SERVER:-http://localhost:8501}}
curl -s $SERVER/v1/models/{name}
curl -s -d @assets.extra/request.json $SERVER/v1/models/{name}:predict -o answer.json
```

`answer.json` holds a PNG in base64. The same from Python, with the standard library:

```python
import base64, json, os, urllib.request

server = os.environ.get("SERVER", "http://localhost:8501")
body = open("assets.extra/request.json", "rb").read()
# Yours: {{"inputs": {{"label_bytes": [{{"b64": ...}}], {instances}"seed": [7]}}}}
url = server + "/v1/models/{name}:predict"
answer = json.load(urllib.request.urlopen(urllib.request.Request(url, body)))
[image] = answer["outputs"]
open("image.png", "wb").write(base64.b64decode(image["b64"]))
```
"""


def readme(name: str, version: str, description: dict, facts: dict) -> str:
    """Returns the README's text.

    Args:
        name: of the model.
        version: its number.
        description: what ``describe`` answers.
        facts: the content of ``assets.extra/export.json``.
    """
    height, width = description["image_size"]
    size = f"images of {height}x{width} (height x width)"
    if description["any_size"]:
        size = f"any size in multiples of {description['size_multiple']}"
    difference = Difference(**facts["difference"])
    return TEXT.format(
        name=name,
        version=version,
        title=description["title"],
        step=description["step"],
        size=size,
        style=f"style code of {description['z_dim']} values"
        if description["z_dim"]
        else "no style code (the seed is ignored)",
        precision=description["precision"],
        megabytes=facts["weight_bytes"] / 1e6,
        largest=difference.largest,
        mean=difference.mean,
        images=difference.images,
        wide=", random styles" if description["z_dim"] else "",
        instances='"instance_bytes": [{"b64": ""}], '
        if description["instances"]
        else "",
    )
