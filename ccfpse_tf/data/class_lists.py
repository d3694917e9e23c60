"""Names and colours of the classes of every data set, in the order of their indices.

Sources: the data sets' own lists (COCO-Stuff `labels.txt`, cityscapesScripts
`labels.py`, SceneParsing `objectInfo150.txt` and its colour table).
"""


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


def _colors(text: str) -> tuple[tuple[int, int, int], ...]:
    return tuple(tuple(bytes.fromhex(code)) for code in text.split())


COCO_STUFF_NAMES = _names("""
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic
    light, fire hydrant, street sign, stop sign, parking meter, bench, bird, cat,
    dog, horse, sheep, cow, elephant, bear, zebra, giraffe, hat, backpack, umbrella,
    shoe, eye glasses, handbag, tie, suitcase, frisbee, skis, snowboard, sports
    ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket,
    bottle, plate, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
    sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch,
    potted plant, bed, mirror, dining table, window, desk, toilet, door, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
    refrigerator, blender, book, clock, vase, scissors, teddy bear, hair drier,
    toothbrush, hair brush, banner, blanket, branch, bridge, building-other, bush,
    cabinet, cage, cardboard, carpet, ceiling-other, ceiling-tile, cloth, clothes,
    clouds, counter, cupboard, curtain, desk-stuff, dirt, door-stuff, fence,
    floor-marble, floor-other, floor-stone, floor-tile, floor-wood, flower, fog,
    food-other, fruit, furniture-other, grass, gravel, ground-other, hill, house,
    leaves, light, mat, metal, mirror-stuff, moss, mountain, mud, napkin, net,
    paper, pavement, pillow, plant-other, plastic, platform, playingfield, railing,
    railroad, river, road, rock, roof, rug, salad, sand, sea, shelf, sky-other,
    skyscraper, snow, solid-other, stairs, stone, straw, structural-other, table,
    tent, textile-other, towel, tree, vegetable, wall-brick, wall-concrete,
    wall-other, wall-panel, wall-stone, wall-tile, wall-wood, water-other,
    waterdrops, window-blind, window-other, wood
""")

CITYSCAPES_NAMES = _names("""
    unlabeled, ego vehicle, rectification border, out of roi, static, dynamic,
    ground, road, sidewalk, parking, rail track, building, wall, fence, guard rail,
    bridge, tunnel, pole, polegroup, traffic light, traffic sign, vegetation,
    terrain, sky, person, rider, car, truck, bus, caravan, trailer, train,
    motorcycle, bicycle, license plate
""")

CITYSCAPES_COLORS = _colors("""
    000000 000000 000000 000000 000000 6f4a00 510051 804080 f423e8 faaaa0 e6968c
    464646 66669c be9999 b4a5b4 966464 96785a 999999 999999 faaa1e dcdc00 6b8e23
    98fb98 4682b4 dc143c ff0000 00008e 000046 003c64 00005a 00006e 005064 0000e6
    770b20 00008e
""")

ADE20K_NAMES = _names("""
    wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass,
    cabinet, sidewalk, person, earth, door, table, mountain, plant, curtain, chair,
    car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair,
    seat, fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box,
    column, signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace,
    refrigerator, grandstand, path, stairs, runway, case, pool table, pillow, screen
    door, stairway, river, bridge, bookcase, blind, coffee table, toilet, flower,
    book, hill, bench, countertop, stove, palm, kitchen island, computer, swivel
    chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower,
    chandelier, awning, streetlight, booth, television, airplane, dirt track,
    apparel, pole, land, bannister, escalator, ottoman, bottle, buffet, poster,
    stage, van, ship, fountain, conveyer belt, canopy, washer, plaything, swimming
    pool, stool, barrel, basket, waterfall, tent, bag, minibike, cradle, oven, ball,
    food, step, tank, trade name, microwave, pot, animal, bicycle, lake, dishwasher,
    screen, blanket, sculpture, hood, sconce, vase, traffic light, tray, ashcan,
    fan, pier, crt screen, plate, monitor, bulletin board, shower, radiator, glass,
    clock, flag
""")

ADE20K_COLORS = _colors("""
    787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e005ff
    ebff07 96053d 787846 08ff33 ff0652 8fff8c ccff04 ff3307 cc4603 0066c8 3de6fa
    ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff 08ffd6 07ffe0 ffb806
    0aff47 ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829 ff0599
    0633ff eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000 99ff00
    0000ff ff4700 00ebff 00adff 1f00ff 0bc8c8 ff5200 00fff5 003dff 00ff70 00ff85
    ff0000 ffa300 ff6600 c2ff00 008fff 33ff00 0052ff 00ff29 00ffad 0a00ff adff00
    00ff99 ff5c00 ff00ff ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d 0047ff
    ff00cc 00ffc2 00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900 00ff0a
    ff7000 8fff00 5200ff a3ff00 ffeb00 08b8aa 8500ff 00ff5c b800ff ff001f 00b8ff
    00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3 ffcc00
    ff008f 00ffeb 85ff00 ff00eb f500ff ff007a fff500 0abed4 d6ff00 00ccff 1400ff
    ffff00 0099ff 0029ff 00ffcc 2900ff 29ff00 ad00ff 00f5ff 4700ff 7a00ff 00ffb8
    005cff b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff
""")

SCENES_NAMES = _names("""
    sky, building, tree, grass, road, lane marking, sidewalk, car, person, sign,
    pole, window
""")

SCENES_COLORS = _colors("""
    87beeb 966e5a 327832 78b450 5a5a5f f0f0f0 beaaaa c82828 e6963c f0d21e 6e788c
    3c5aa0
""")
