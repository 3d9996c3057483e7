"""The manifest is one file, and napari finds behind every command what it promises."""

from pathlib import Path

from npe2 import PluginManifest

ROOT = Path(__file__).parents[1]


def test_there_is_one_manifest():
    top, packaged = ROOT / "napari.yaml", ROOT / "src/napari_vitrail/napari.yaml"
    assert packaged.is_file()
    assert not packaged.is_symlink()
    if top.is_symlink():
        assert top.resolve() == packaged.resolve()
    else:  # a checkout without symlinks: git writes the target as text
        assert top.read_text().strip() == "src/napari_vitrail/napari.yaml"


def test_every_command_imports():
    PluginManifest.from_distribution("napari-vitrail").validate_imports()


def test_three_samples_are_offered():
    manifest = PluginManifest.from_distribution("napari-vitrail")
    offered = {sample.key: sample.command for sample in manifest.contributions.sample_data}
    assert offered == {name: f"napari-vitrail.sample_{name}" for name in ("histology", "coffee", "coins")}


def test_the_widget_is_in_the_menus_for_what_it_does():
    menus = PluginManifest.from_distribution("napari-vitrail").contributions.menus
    for task in ("classify", "annotate"):
        assert [item.command for item in menus[f"napari/layers/{task}"]] == ["napari-vitrail.classifier"]
    assert [item.command for item in menus["napari/layers/segment"]] == [
        "napari-vitrail.classifier",
        "napari-vitrail.common_parts",
        "napari-vitrail.find_objects",
    ]
    assert [item.command for item in menus["napari/layers/track"]] == ["napari-vitrail.propagate"]
    assert [item.command for item in menus["napari/layers/visualize"]] == ["napari-vitrail.features"]
    assert [item.command for item in menus["napari/layers/register"]] == ["napari-vitrail.match"]


def test_the_command_palette_offers_nothing_that_needs_a_file():
    parts = PluginManifest.from_distribution("napari-vitrail").contributions
    called_alone = {part.command for part in (*parts.widgets, *parts.sample_data)}
    for command in parts.commands:
        assert (command.enablement is None) == (command.id in called_alone), command.id
