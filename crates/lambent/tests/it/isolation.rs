//! What a function sees of its host, and what it can do to it: as little as possible.

use serde_json::json;

use crate::functions::{obedient_js, obedient_py, py};
use crate::harness::Node;

/// Calls the kernel directly; `-errno` when it refuses.
const SYSCALL: &str = "
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    return -ctypes.get_errno() if libc.syscall(number, *arguments) == -1 else 0
";

fn node() -> Node {
    Node::of(&[obedient_py()])
}

#[test]
fn a_function_is_an_ordinary_user_in_var_task() {
    let seen = node()
        .run("py", "result = [os.getcwd(), os.getresuid(), os.getresgid(), os.getgroups(), os.umask(0)]");
    let all_ordinary =
        |ids: &serde_json::Value| ids.as_array().unwrap().iter().all(|id| id.as_u64().unwrap() > 0);
    assert_eq!(seen[0], "/var/task");
    assert!(all_ordinary(&seen[1]) && all_ordinary(&seen[2]), "{seen}");
    assert!(
        seen[3].as_array().unwrap().iter().all(|group| *group == 65534 || *group == seen[2][0]),
        "{seen}"
    );
    assert_eq!(seen[4], 0o022);
}

#[test]
fn nothing_but_tmp_can_be_written() {
    let node = node();
    let code = "
result = {}
for folder in ('/', '/bin', '/dev', '/etc', '/opt', '/proc', '/proc/sys/kernel', '/tmp', '/usr', '/usr/bin', '/var',
               '/var/runtime', '/var/task'):
    try:
        open(folder + '/new', 'w').close()
        result[folder] = 'written'
    except OSError as error: result[folder] = errno.errorcode[error.errno]";
    for (folder, outcome) in node.run("py", code).as_object().unwrap() {
        assert_eq!(outcome == "written", folder == "/tmp", "{folder}: {outcome}");
    }
    let existing = "
result = []
for name in ('/var/task/app.py', '/etc/passwd', '/etc/hosts', '/usr/bin/env', '/var/runtime/bootstrap.py', '/dev/full',
             '/proc/sys/kernel/hostname', '/proc/sys/vm/drop_caches', '/proc/sysrq-trigger', '/proc/1/mem',
             '/proc/1/oom_score_adj'):
    for act in (lambda: open(name, 'r+b'), lambda: os.remove(name), lambda: os.chmod(name, 0o777)):
        try:
            act()
            result.append(name)
        except OSError: pass";
    assert_eq!(node.run("py", existing), json!(["/dev/full"]));
    assert_eq!(node.run("py", "result = oct(os.stat('/tmp').st_mode)"), "0o41777");
}

#[test]
fn no_file_of_the_host_is_in_sight() {
    let node = node();
    let outside = std::env::temp_dir().join(format!("lambent-outside-{}", std::process::id()));
    std::fs::write(&outside, "").unwrap();
    let names = json!([
        "/boot",
        "/home",
        "/media",
        "/mnt",
        "/run",
        "/root/.ssh",
        "/root/.bashrc",
        "/root/.cache",
        "/srv",
        "/sys",
        "/var/lib",
        "/var/log",
        "/var/cache",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/sudoers",
        "/etc/machine-id",
        "/etc/hostname",
        "/etc/ssh",
        "/etc/cron.d",
        "/dev/sda",
        "/dev/vda",
        "/dev/kmsg",
        "/dev/mem",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/tty",
        "/dev/shm",
        "/dev/pts",
        node.app.path(),
        outside,
        env!("CARGO_MANIFEST_DIR"),
    ]);
    let code = format!("result = [name for name in {names} if os.path.exists(name)]");
    assert_eq!(node.run("py", &code), json!([]));
    assert_eq!(node.run("py", "result = sorted(os.listdir('/var'))"), json!(["runtime", "task"]));
    std::fs::remove_file(outside).unwrap();
}

#[test]
fn no_process_of_the_host_is_in_sight() {
    let node = node();
    assert_eq!(
        node.run("py", "result = sorted(int(n) for n in os.listdir('/proc') if n.isdigit())"),
        json!([1, 2])
    );
    let own = "result = [n for n in os.listdir('/proc') if n.isdigit() and b'tests/it' in open(f'/proc/{n}/cmdline', 'rb').read()]";
    assert_eq!(node.run("py", own), json!([]));
    for pid in [node.pid(), std::process::id()] {
        let code = format!("try: os.kill({pid}, 0)\nexcept ProcessLookupError: result = 'none'");
        assert_eq!(node.run("py", &code), "none");
    }
}

#[test]
fn the_environment_is_the_platforms_and_the_owners_and_nothing_else() {
    let functions =
        [obedient_py().with("environment = { OWN = \"1\", TZ = \"Europe/Berlin\" }"), obedient_js()];
    let paths = [("py/app.py", functions[0].code()), ("js/index.js", functions[1].code())];
    let node = Node::up_with(&crate::functions::manifest(&functions), &paths, |command| {
        command
            .env("CANARY", "1")
            .env("PYTHONSTARTUP", "1")
            .env("NODE_OPTIONS", "--no-warnings")
            .env("LD_PRELOAD", "");
    });
    let common = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "HOME",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LD_LIBRARY_PATH",
        "PATH",
        "PWD",
        "SHLVL",
        "TZ",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    ];
    let names = |own: &[&str]| {
        let mut all = [&common, own].concat();
        all.sort_unstable();
        json!(all)
    };
    let python = names(&["OWN", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH"]);
    assert_eq!(node.run("py", "result = sorted(os.environ)"), python);
    assert_eq!(node.run("js", "Object.keys(process.env).sort()"), names(&["NODE_PATH"]));
    assert_eq!(node.run("py", "result = os.environ['TZ'] + os.environ['OWN']"), "Europe/Berlin1");
}

#[test]
fn no_descriptor_but_the_functions_own_is_open() {
    let node = Node::of(&[obedient_py(), obedient_js()]);
    let python = "result = {n: os.readlink(f'/proc/self/fd/{n}') for n in range(100) if os.path.exists(f'/proc/self/fd/{n}') or os.path.islink(f'/proc/self/fd/{n}')}";
    let open = node.run("py", python);
    let kinds: Vec<_> = open
        .as_object()
        .unwrap()
        .values()
        .map(|at| at.as_str().unwrap().split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["/dev/null", "pipe", "pipe", "pipe", "pipe"], "{open}");
    // Node itself opens some more: none of them is a socket, nor a file.
    let open = node.run("js", "fs.readdirSync('/proc/self/fd').map((n) => { try { return fs.readlinkSync('/proc/self/fd/' + n) } catch { return 'gone' } })");
    for at in open.as_array().unwrap() {
        let at = at.as_str().unwrap();
        assert!(
            ["/dev/null", "pipe:", "anon_inode:", "gone"].iter().any(|good| at.starts_with(good)),
            "{open}"
        );
    }
}

#[test]
fn limits_and_privileges_are_as_small_as_on_lambda() {
    let node = node();
    let limits = "result = [resource.getrlimit(r) for r in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_STACK)]";
    assert_eq!(node.run("py", limits), json!([[1024, 1024], [0, 0], [65536, 65536], [8 << 20, 8 << 20]]));
    let status = "
result = dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
result = {name: result[name] for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp')}";
    let none = "0000000000000000";
    let expected = json!({
        "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
    });
    assert_eq!(node.run("py", status), expected);
}

#[test]
fn what_only_attackers_ask_of_the_kernel_is_refused() {
    let node = node();
    let calls = [
        ("mount", "165, b'none', b'/tmp', b'tmpfs', 0, 0"),
        ("umount2", "166, b'/proc', 2"),
        ("pivot_root", "155, b'.', b'.'"),
        ("chroot", "161, b'/tmp'"),
        ("unshare a user namespace", "272, 0x10000000"),
        ("unshare a mount namespace", "272, 0x20000"),
        ("clone into a user namespace", "56, 0x10000000 | 17, 0, 0, 0, 0"),
        ("open_tree", "428, -100, b'/', 1"),
        ("fsopen", "430, b'tmpfs', 0"),
        ("move_mount", "429, -100, b'/usr', -100, b'/tmp', 0"),
        ("mount_setattr", "442, -100, b'/tmp', 0, 0, 0"),
        ("setns", "308, 0, 0"),
        ("ptrace the first process", "101, 16, 1, 0, 0"),
        ("process_vm_readv the first process", "310, 1, 0, 0, 0, 0, 0"),
        ("bpf", "321, 0, 0, 0"),
        ("perf_event_open", "298, 0, 0, -1, -1, 0"),
        ("userfaultfd", "323, 0"),
        ("io_uring_setup", "425, 1, 0"),
        ("keyctl", "250, 0, -3, 1"),
        ("add_key", "248, b'user', b'a', b'b', 1, -3"),
        ("request_key", "249, b'user', b'a', 0, -3"),
        ("init_module", "175, 0, 0, b''"),
        ("kexec_load", "246, 0, 0, 0, 0"),
        ("reboot", "169, 0xfee1dead, 672274793, 0x89ABCDEF, 0"),
        ("swapon", "167, b'/tmp', 0"),
        ("sethostname", "170, b'a', 1"),
        ("settimeofday", "164, 0, b'12345678'"),
        ("acct", "163, 0"),
        ("quotactl", "179, 0, 0, 0, 0"),
        ("open_by_handle_at", "304, -100, 0, 0"),
        ("syslog", "103, 3, b'12345678', 8"),
        ("mknod a device", "133, b'/tmp/device', 0o60666, 0x100"),
        ("setgroups", "116, 1, b'1234'"),
        ("a raw socket", "41, 2, 3, 1"),
        ("a packet socket", "41, 17, 3, 0"),
        ("a netfilter socket", "41, 16, 3, 12"),
        ("nice below zero", "141, 0, 0, -10"),
    ];
    let code: String = calls.iter().map(|(_, call)| format!("result.append(call({call}))\n")).collect();
    let results = node.run("py", &format!("{SYSCALL}\nresult = []\n{code}"));
    for ((name, _), result) in calls.iter().zip(results.as_array().unwrap()) {
        // EPERM, EACCES, or ENOSYS as if the kernel did not know it.
        assert!([-1, -13, -38].map(Into::into).contains(result), "{name}: {result}");
    }
    // There is no other user inside.
    let results = node
        .run("py", &format!("{SYSCALL}\nresult = [call(105, 0), call(106, 0), call(105, 1), call(106, 1)]"));
    assert_eq!(results, json!([-22, -22, -22, -22]));
}

#[test]
fn what_ordinary_programs_ask_of_the_kernel_works() {
    let node = Node::of(&[obedient_py(), obedient_js()]);
    let code = "
import concurrent.futures, mmap, multiprocessing, select, sqlite3, tempfile
pool = concurrent.futures.ThreadPoolExecutor(4)
assert list(pool.map(abs, [-1, -2])) == [1, 2]
reader, writer = multiprocessing.Pipe()
process = multiprocessing.Process(target=writer.send, args=(7,)); process.start()
assert reader.recv() == 7
process.join()
assert subprocess.run(['sh', '-c', 'echo $((6 * 7)) | cat'], capture_output=True).stdout == b'42\\n'
left, right = socket.socketpair(); left.send(b'x'); assert right.recv(1) == b'x'
server = socket.create_server(('127.0.0.1', 0)); socket.create_connection(server.getsockname()).close()
assert len(socket.if_nameindex()) >= 1
epoll = select.epoll(); epoll.register(server)
memory = mmap.mmap(-1, 4096); memory[0] = 1
with tempfile.TemporaryDirectory() as folder: sqlite3.connect(folder + '/a.db').execute('create table t (a)')
signal.setitimer(signal.ITIMER_REAL, 0)
assert os.getpid() == 2 and os.getppid() == 1
os.sched_getaffinity(0), os.getloadavg(), os.nice(5), resource.getrusage(resource.RUSAGE_SELF), os.statvfs('/tmp')
result = 'works'";
    assert_eq!(node.run("py", code), "works");
    let code = "
new Promise((done, failed) => {
  const { Worker } = require('worker_threads');
  const worker = new Worker(\"require('worker_threads').parentPort.postMessage(6 * 7)\", { eval: true });
  worker.on('message', done).on('error', failed);
})";
    assert_eq!(node.run("js", code), 42);
    let code = "require('dns').promises.lookup('localhost').then(() => require('child_process').execSync('echo $((6 * 7))').toString())";
    assert_eq!(node.run("js", code), "42\n");
    let code = "require('zlib').gunzipSync(require('zlib').gzipSync('x')).toString() + require('crypto').randomBytes(4).length";
    assert_eq!(node.run("js", code), "x4");
}

#[test]
fn setuid_programs_give_nothing() {
    let node = node();
    let code = "
import glob, stat
result = {}
for name in glob.glob('/usr/bin/*') + glob.glob('/usr/sbin/*') + glob.glob('/usr/lib/*/*'):
    try: mode = os.stat(name).st_mode
    except OSError: continue
    if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID): result[name] = oct(mode)";
    let setuid = node.run("py", code);
    println!("setuid programs of this host: {setuid}");
    for command in
        ["su root -c id", "mount -t tmpfs none /tmp", "passwd -d root", "newgrp root", "chsh -s /bin/sh root"]
    {
        let code = format!(
            "result = subprocess.run({command:?}.split(), stdin=subprocess.DEVNULL, capture_output=True, timeout=2).returncode"
        );
        assert_ne!(
            node.run(
                "py",
                &format!("try:\n  {code}\nexcept (FileNotFoundError, PermissionError): result = 1")
            ),
            0,
            "{command}"
        );
    }
    let flags = "result = [line.split()[5] for line in open('/proc/self/mountinfo')]";
    for flags in node.run("py", flags).as_array().unwrap() {
        assert!(flags.as_str().unwrap().contains("nosuid"), "{flags}");
    }
}

#[test]
fn functions_cannot_reach_each_other() {
    let secret = "environment = { SECRET = \"a-secret-of-victim\" }";
    let node = Node::of(&[obedient_py().named("victim").with(secret), obedient_py(), obedient_js()]);
    node.run("victim", "open('/tmp/secret', 'w').write('x'); os.chmod('/tmp/secret', 0o666)");
    assert_eq!(node.run("py", "result = os.listdir('/tmp')"), json!([]));
    assert_eq!(node.run("js", "fs.readdirSync('/tmp')"), json!([]));
    let code = "
import glob
result = []
for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/tmp/**') + glob.glob('/var/**'):
    try:
        if b'a-secret' + b'-of-victim' in open(name, 'rb').read(): result.append(name)
    except OSError: pass";
    assert_eq!(node.run("py", code), json!([]));
    // Outside, each has a user of its own: no signal from one reaches the other.
    let users: Vec<_> = node
        .processes()
        .iter()
        .filter(|p| p.is("/var/runtime"))
        .map(|p| {
            std::fs::metadata(format!("/proc/{}", p.pid))
                .map(|m| std::os::unix::fs::MetadataExt::uid(&m))
                .unwrap()
        })
        .collect();
    assert_eq!(users.len(), 3);
    assert!(users[0] != users[1] && users[1] != users[2] && users[0] != users[2], "{users:?}");
    assert!(users.iter().all(|uid| *uid > 100_000), "{users:?}");
}

#[test]
fn a_function_cannot_forge_what_the_node_is_told_of_its_end() {
    let node = Node::of(&[obedient_py(), py("other", "def handler(e, c): return 1")]);
    // The control socket belongs to the first process of the sandbox, which has the function's own user.
    let code = "
result = []
for path in ('/proc/1/fd', '/proc/1/environ', '/proc/1/mem', '/proc/1/maps', '/proc/1/root', '/proc/1/cwd'):
    try: (os.listdir if path.endswith(('fd', 'root', 'cwd')) else lambda p: open(p, 'rb').read(1))(path); result.append(path)
    except OSError: pass";
    assert_eq!(node.run("py", code), json!([]));
    let code = format!(
        "{SYSCALL}\npidfd = os.pidfd_open(1)\nresult = [call(438, pidfd, n, 0) for n in range(3, 10)]"
    );
    assert_eq!(node.run("py", &code), json!([-1, -1, -1, -1, -1, -1, -1]));
}
