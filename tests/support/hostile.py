"""What a person may have set of git, at its worst: each of these would change a result."""

from __future__ import annotations

from pathlib import Path

CONFIGURATION = """
[include]
    path = {folder}/more
[includeIf "gitdir:/**"]
    path = {folder}/conditional
[core]
    quotePath = false
    autocrlf = true
    eol = crlf
    safecrlf = true
    fsmonitor = {folder}/fails
    hooksPath = {folder}/hooks
    pager = {folder}/fails
    editor = {folder}/fails
    abbrev = 40
    symlinks = false
    fileMode = false
    ignoreCase = true
    sparseCheckout = true
    splitIndex = true
    untrackedCache = true
    sharedRepository = world
    logAllRefUpdates = false
    precomposeUnicode = true
    excludesFile = {folder}/ignore
    attributesFile = {folder}/attributes
    alternateRefsCommand = {folder}/fails
    commentChar = "%"
    checkStat = minimal
    worktree = {folder}
    askPass = {folder}/fails
    compression = 0
    packedRefsTimeout = 0
    gitProxy = {folder}/fails
[alias]
    status = log
    clone = "!{folder}/fails"
[init]
    templateDir = {folder}/template
    defaultBranch = trunk
    defaultObjectFormat = sha256
    defaultRefFormat = reftable
[log]
    showSignature = true
    date = relative
    follow = true
    mailmap = true
    diffMerges = m
    decorate = full
    showRoot = true
[format]
    pretty = oneline
    notes = true
    encodeEmailHeaders = true
[notes]
    displayRef = *
[i18n]
    logOutputEncoding = ISO-8859-1
    commitEncoding = ISO-8859-1
[status]
    showUntrackedFiles = no
    short = true
    branch = true
    relativePaths = false
    showStash = true
    submoduleSummary = true
    aheadBehind = false
    renames = copies
[diff]
    external = {folder}/fails
    noprefix = true
    mnemonicPrefix = true
    context = 0
    interHunkContext = 9
    algorithm = patience
    renames = copies
    orderFile = {folder}/attributes
    ignoreSubmodules = all
    submodule = log
    suppressBlankEmpty = true
    colorMoved = zebra
    wordRegex = .
    relative = true
[diff "evil"]
    command = {folder}/fails
    textconv = {folder}/fails
[filter "evil"]
    clean = {folder}/fails
    smudge = {folder}/fails
    required = true
[color]
    ui = always
    diff = always
    status = always
    branch = always
[clone]
    defaultRemoteName = upstream
    rejectShallow = true
[checkout]
    defaultRemote = upstream
    guess = false
    workers = 3
[fetch]
    prune = true
    pruneTags = true
    recurseSubmodules = true
    parallel = 3
    fsckObjects = true
    writeCommitGraph = true
    output = compact
    negotiationAlgorithm = skipping
    showForcedUpdates = false
[fetch "fsck"]
    missingEmail = error
[transfer]
    fsckObjects = true
    hideRefs = refs/heads
    unpackLimit = 9999
    credentialsInUrl = die
[uploadpack]
    hideRefs = refs/heads
    packObjectsHook = {folder}/fails
    allowFilter = false
    allowTipSHA1InWant = false
[receive]
    denyCurrentBranch = refuse
[protocol]
    allow = never
    version = 0
[protocol "file"]
    allow = never
[remote]
    pushDefault = upstream
[remote "origin"]
    tagOpt = --tags
    mirror = true
    prune = true
    fetch = +refs/*:refs/*
    url = {folder}/elsewhere
[branch]
    autoSetupMerge = always
    autoSetupRebase = always
    sort = -committerdate
[tag]
    gpgSign = true
    sort = -version:refname
[commit]
    gpgSign = true
    template = {folder}/attributes
    verbose = true
[user]
    useConfigOnly = true
[gpg]
    program = {folder}/fails
    format = ssh
    minTrustLevel = ultimate
[gpg "ssh"]
    program = {folder}/fails
    allowedSignersFile = {folder}/attributes
    revocationFile = {folder}/attributes
[submodule]
    recurse = true
    active = nothing
    fetchJobs = 3
    alternateLocation = superproject
[merge]
    ff = only
    conflictStyle = diff3
    renames = false
[pull]
    rebase = true
[rebase]
    autoStash = true
[push]
    default = nothing
    followTags = true
[advice]
    detachedHead = true
    statusHints = true
[pager]
    log = {folder}/fails
    status = {folder}/fails
    ls-remote = {folder}/fails
[pretty]
    oneline = format:%x00
[index]
    version = 4
    threads = 2
[feature]
    manyFiles = true
    experimental = true
[gc]
    auto = 1
    autoDetach = false
[maintenance]
    auto = true
[pack]
    packSizeLimit = 1m
    writeBitmaps = true
[stash]
    showIncludeUntracked = true
[safe]
    bareRepository = explicit
[trace2]
    normalTarget = 2
    perfTarget = 2
[lfs]
    fetchexclude = *
    fetchinclude = nothing
    storage = {folder}/elsewhere
    skipdownloaderrors = true
    url = {folder}/elsewhere
[column]
    ui = always
[blame]
    date = relative
[mailmap]
    file = {folder}/mailmap
"""

ENVIRONMENT = {
    "GIT_DIR": "{folder}/elsewhere",
    "GIT_WORK_TREE": "{folder}/elsewhere",
    "GIT_COMMON_DIR": "{folder}/elsewhere",
    "GIT_INDEX_FILE": "{folder}/index",
    "GIT_OBJECT_DIRECTORY": "{folder}/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "{folder}/objects",
    "GIT_QUARANTINE_PATH": "{folder}/objects",
    "GIT_PREFIX": "sub/",
    "GIT_NAMESPACE": "other",
    "GIT_SHALLOW_FILE": "{folder}/shallow",
    "GIT_GRAFT_FILE": "{folder}/attributes",
    "GIT_CONFIG": "{folder}/configuration",
    "GIT_CONFIG_PARAMETERS": "'core.bare=true' 'core.abbrev=40' 'log.showsignature=true'",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_EXEC_PATH": "{folder}",
    "GIT_TEMPLATE_DIR": "{folder}/template",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_DEFAULT_REF_FORMAT": "reftable",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EXTERNAL_DIFF": "{folder}/fails",
    "GIT_DIFF_OPTS": "-u0",
    "GIT_PAGER": "{folder}/fails",
    "GIT_EDITOR": "{folder}/fails",
    "GIT_ASKPASS": "{folder}/fails",
    "GIT_TRACE": "1",
    "GIT_TRACE_PACKET": "1",
    "GIT_TRACE2": "1",
    "GIT_CURL_VERBOSE": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_PROTOCOL": "version=0",
    "GIT_REPLACE_REF_BASE": "refs/heads/",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NOTES_REF": "refs/heads/master",
    "GIT_REFLOG_ACTION": "other",
    "GIT_COMMITTER_DATE": "1 +0000",
    "GIT_LFS_SKIP_SMUDGE": "0",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1",
}


def configuration(folder: Path) -> Path:
    """A global configuration that changes all that one can change; what it names is beside it."""
    folder.mkdir()
    fails = folder / "fails"
    fails.write_text(f"#!/bin/sh\necho called >> {folder}/called\necho noise\nexit 1\n")
    fails.chmod(0o755)
    for hooks in (folder / "hooks", folder / "template" / "hooks"):
        hooks.mkdir(parents=True)
        for name in ("post-checkout", "reference-transaction", "post-index-change"):
            (hooks / name).symlink_to(fails)
    (folder / "template" / "config").write_text("[core]\n\tsymlinks = false\n")
    (folder / "template" / "info").mkdir()
    (folder / "template" / "info" / "exclude").write_text("*\n")
    (folder / "ignore").write_text("*\n")
    (folder / "attributes").write_text(
        "* text eol=crlf filter=evil diff=evil ident working-tree-encoding=UTF-16\n"
        "* export-ignore export-subst\n"
    )
    (folder / "mailmap").write_text("Somebody Else <e@example.org> <t@example.org>\n")
    (folder / "conditional").write_text("[core]\n\tbare = true\n\tabbrev = 4\n")
    (folder / "more").write_text("[diff]\n\tnoprefix = true\n[core]\n\tquotePath = false\n")
    file = folder / "configuration"
    file.write_text(CONFIGURATION.replace("{folder}", str(folder)))
    return file


def environment(folder: Path) -> dict[str, str]:
    """Variables that git sets for the programs that it starts, and those that a person may set."""
    return {key: value.replace("{folder}", str(folder)) for key, value in ENVIRONMENT.items()}


def was_called(folder: Path) -> bool:
    """Whether a program of the configuration or the environment was started."""
    return (folder / "called").exists()
