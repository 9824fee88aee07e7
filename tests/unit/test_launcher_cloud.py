import os
from pathlib import Path

import pytest

from local.cloud import LocalCloud
from local.processes import LocalCloudError, ProcessRecord, write_atomically
from local.settings import LocalSettings


@pytest.fixture
def cloud(tmp_path: Path) -> LocalCloud:
    return LocalCloud(LocalSettings.from_environment({"HUNTAZE_DATA": str(tmp_path / "cloud")}))


def test_refuses_a_folder_that_holds_something_else(cloud: LocalCloud) -> None:
    treasure = cloud.settings.data_dir / "treasure.txt"
    write_atomically(treasure, "gold")

    with pytest.raises(LocalCloudError, match="holds something else"):
        cloud.start()
    with pytest.raises(LocalCloudError, match="left as it is"):
        cloud.reset()

    assert treasure.read_text() == "gold"


def test_refuses_to_replace_a_running_cloud_by_one_on_other_ports(cloud: LocalCloud) -> None:
    run_dir = cloud.settings.run_dir
    write_atomically(cloud.settings.data_dir / "README.txt", "")
    write_atomically(run_dir / "ports", "1024, 1025, 1026")
    ProcessRecord.of(os.getpid()).write(run_dir / "aws.json")

    with pytest.raises(LocalCloudError, match="on the ports 1024, 1025, 1026"):
        cloud.start()


def test_there_is_nothing_to_stop_before_the_first_start(
    cloud: LocalCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.stop()
    cloud.reset()

    assert capsys.readouterr().out == ""
    assert not cloud.settings.data_dir.exists()
