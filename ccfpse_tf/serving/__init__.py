"""Serves an exported model over TensorFlow Serving's REST API, with the painting page.

Modules, from the wire inwards: `server` (socket, signals), `app` (routes),
`origin_check` (headers, origins, counting), `predict` (one request), `batching`,
`versions` (which are loaded), `model_version` (one of them). `proxy` stands where a
real TensorFlow Serving does the work; `client` is the other end of the wire.
"""
