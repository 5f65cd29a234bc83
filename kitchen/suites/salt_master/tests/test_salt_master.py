"""A Salt master that listens on the management network and accepts nobody by itself."""

ADDRESS = "10.90.0.11"


def test_master_runs_and_comes_back_at_boot(host):
    master = host.service("salt-master")
    assert master.is_running
    assert master.is_enabled


def test_master_listens_on_the_management_address_only(host):
    found = host.check_output("ss -Hltn").splitlines()
    ports = {line.split()[3] for line in found if line.split()[3].endswith((":4505", ":4506"))}
    assert ports == {f"{ADDRESS}:4505", f"{ADDRESS}:4506"}


def test_strangers_are_not_accepted(host):
    settings = host.file("/etc/salt/master")
    assert settings.contains("^auto_accept: False")
    assert settings.contains("^open_mode: False")
    assert settings.contains("^fileserver_followsymlinks: False")


def test_secrets_folder_is_for_root_alone(host):
    assert host.file("/srv/environment").mode == 0o700
    assert host.file("/srv/environment/pillar").mode == 0o700


def test_external_pillar_gives_nothing_to_names_that_are_none(host):
    (file,) = host.check_output("ls /etc/salt/extmods/pillar/*.py").split()
    code = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('e', sys.argv[1]);"
        "m = u.module_from_spec(s); s.loader.exec_module(m);"
        "print(m.ext_pillar('../secrets', {}, '/srv/environment/pillar'))"
    )
    assert host.check_output("/opt/salt/bin/python3 -c %s %s", code, file) == "{}"
