"""A demo of a preset of ccfpse_tf: pick or paint a layout, and get a picture of it."""

from pathlib import Path

import gradio as gr
import numpy as np

from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.generation.preset_model import PresetModel

MODEL = PresetModel(Path(__file__).parent / "preset")
DATA, STYLES, LAYOUTS = MODEL.description, MODEL.preset.styles, MODEL.layouts()
COLORS = np.array(DATA.index_palette, np.uint8)
SIZE = LAYOUTS[0][0].shape


def colored(number):
    """The layout of this number in the colours of its classes."""
    return COLORS[LAYOUTS[number][0]]


def draw(painted, style):
    """Draws a painted picture, whose pixels are of the class with the next colour."""
    apart = painted["composite"][:, :, None, :3].astype(int) - COLORS.astype(int)
    label = resize_ids(np.square(apart).sum(-1).argmin(-1).astype(np.int32), SIZE)
    # What was not painted over has its objects; else each class is one.
    known = (objects for layout, objects in LAYOUTS if np.array_equal(layout, label))
    instance = next(known, label)[None].astype(np.int32) if DATA.instances else None
    code = STYLES[style].code[None] if STYLES else None
    return MODEL.images(label[None], instance, code)[0]


with gr.Blocks(title=MODEL.preset.title) as demo:
    gr.Markdown(f"# {MODEL.preset.title}\nPick a layout, paint over it, and draw it.")
    colors = list(map("#{:02x}{:02x}{:02x}".format, *COLORS.T))
    legend = zip(colors, DATA.index_names, strict=True)
    gr.HTML(" ".join(f"<span style='color:{c}'>&#9632;</span> {x}" for c, x in legend))
    brush = gr.Brush(16, colors=colors, default_color=colors[0], color_mode="fixed")
    with gr.Row():
        # PNG, as other formats smear the colours that stand for classes.
        pad = gr.ImageEditor(colored(0), brush=brush, format="png", label="layout")
        picture = gr.Image(label="picture", format="png")
    with gr.Row():
        numbers = [(f"layout {i + 1}", i) for i in range(len(LAYOUTS))]
        layout = gr.Dropdown(numbers, value=0, label="layout to start from")
        styles = [(f"style {i + 1}", i) for i in range(len(STYLES))]
        style = gr.Dropdown(styles, value=0, label="style", visible=bool(STYLES))
        button = gr.Button("Draw", variant="primary")
    layout.change(colored, layout, pad, api_name="layout")
    button.click(draw, [pad, style], picture, api_name="draw")

if __name__ == "__main__":
    demo.launch()
