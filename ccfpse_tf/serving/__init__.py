"""Serves an exported model over TensorFlow Serving's REST API, with the painting page.

Modules, from the wire inwards: `server` (socket, signals), `app` (routes), `guard`
(headers, origins, counting), `predict` (one request), `batching`, `versions` (which are
loaded), `saved_model` (one of them). `proxy` stands where a real TensorFlow Serving
does the work; `client` is the other end of the wire.
"""
