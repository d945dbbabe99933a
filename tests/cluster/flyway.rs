//! Flyway for the tests: fetched with Maven by a pinned module file (`programs/flyway/pom.xml`), held against its checksums, and kept in the
//! user's cache folder by version. Who has a mirror of Maven's says so in Maven's own settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::image::{Image, hexadecimal};
use super::{debian, place, process};

/// Flyway's folder, as its own distribution lays it out: the program, and its jars in `lib`.
#[derive(Clone, Debug)]
pub struct Flyway {
    folder: PathBuf,
}

impl Flyway {
    /// Fetches what is not there yet. A look at files costs nothing on a warm start.
    pub fn prepare() -> Result<Self> {
        static FLYWAY: OnceLock<Flyway> = OnceLock::new();
        if let Some(flyway) = FLYWAY.get() {
            return Ok(flyway.clone());
        }
        debian::prepare_java()?;
        let cache = place::cache()?;
        let folder = cache.join(format!("flyway-{}", version()?));
        if !is_complete(&folder)? {
            let _lock = place::lock(&cache.join("build.lock"), || {
                eprintln!("Another build of the cluster's programs runs; waiting for it ...");
            })?;
            if !is_complete(&folder)? {
                fetch(&folder)?;
            }
        }
        Ok(FLYWAY.get_or_init(|| Self { folder }).clone())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn program(&self) -> PathBuf {
        self.folder.join("flyway")
    }

    /// A Flyway of one's own in this folder, for settings in its `conf`: the jars lie two folders below, as in its own distribution. Its program.
    pub fn copy(&self, home: &Path) -> Result<PathBuf> {
        for folder in ["bin/lib", "conf"] {
            fs::create_dir_all(home.join(folder))?;
        }
        for jar in fs::read_dir(self.folder.join("lib"))? {
            let jar = jar?;
            fs::copy(jar.path(), home.join("bin/lib").join(jar.file_name()))?;
        }
        let program = home.join("bin/flyway");
        fs::copy(self.program(), &program)?;
        Ok(program)
    }
}

fn source() -> PathBuf {
    place::project().join("tests/cluster/programs/flyway")
}

fn read(name: &str) -> Result<String> {
    let path = source().join(name);
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// As the module file pins it.
fn version() -> Result<String> {
    let module_file = read("pom.xml")?;
    let (_, rest) = module_file
        .split_once("<flyway.version>")
        .context("no version in pom.xml")?;
    let (version, _) = rest.split_once('<').context("no version in pom.xml")?;
    Ok(version.to_owned())
}

/// What the stamp must hold: a hash of everything that shapes the folder.
fn fingerprint() -> Result<String> {
    let mut hash = Sha256::new();
    for name in ["pom.xml", "checksums.txt", "flyway"] {
        hash.update(read(name)?);
    }
    Ok(hexadecimal(&hash.finalize()))
}

fn is_complete(folder: &Path) -> Result<bool> {
    let stamp = fs::read_to_string(folder.join("complete")).unwrap_or_default();
    Ok(stamp == fingerprint()?)
}

fn fetch(folder: &Path) -> Result<()> {
    let start = Instant::now();
    eprintln!(
        "Fetching Flyway {} with Maven, once per version; about a minute.",
        version()?
    );
    let _ = fs::remove_dir_all(folder);
    let jars = folder.join("lib");
    fs::create_dir_all(&jars)?;
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--quiet", "--file"])
        .arg(source().join("pom.xml"))
        .arg("dependency:copy-dependencies")
        .arg(format!("-DoutputDirectory={}", jars.display()));
    process::run(&mut maven).context("fetch Flyway's jars with Maven")?;
    check(&jars)?;
    fs::copy(source().join("flyway"), folder.join("flyway"))?;
    fs::write(folder.join("complete"), fingerprint()?)?;
    eprintln!("  fetched Flyway in {} s", start.elapsed().as_secs());
    Ok(())
}

/// Holds the jars against `checksums.txt`: these, no others, and none otherwise.
fn check(jars: &Path) -> Result<()> {
    let expected = read("checksums.txt")?;
    let expected: BTreeMap<String, String> = expected
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(jars)? {
        let entry = entry?;
        let sum = hexadecimal(&Sha256::digest(fs::read(entry.path())?));
        found.insert(entry.file_name().to_string_lossy().into_owned(), sum);
    }
    ensure!(
        found == expected,
        "Flyway's jars are not those of programs/flyway/checksums.txt: expected {expected:#?}, found {found:#?}"
    );
    Ok(())
}

/// The files of the locale `C.UTF-8`.
const CATEGORIES: [&str; 12] = [
    "LC_ADDRESS",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES/SYS_LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// Files of a JDK that nothing needs which only runs programs.
const NOT_TO_RUN: [&str; 4] = ["src.zip", "ct.sym", "jmods", "libjsound.so"];

impl Flyway {
    /// An image with this machine's Java, bash and Flyway at `/flyway/flyway`, and a folder of migrations at `/migrations`.
    pub fn image(&self, name: &str, migrations: &Path) -> Result<Image> {
        let java = debian::find_program("java")
            .context("no java")?
            .canonicalize()?;
        let home = java.ancestors().nth(2).context("java lies in no folder")?;
        let mut image = Image::new(name)
            .file(&self.folder, "/flyway")
            .file(migrations, "/migrations")
            .file("/bin/bash", "/bin/bash")
            .file(&java, "/jre/bin/java")
            .file(home.join("conf"), "/jre/conf")
            .variable("JAVA_HOME=/jre");
        for entry in fs::read_dir(home.join("lib"))? {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let name = name.to_string_lossy();
            if path.exists() && !NOT_TO_RUN.contains(&name.as_ref()) {
                image = image.file(&path, format!("/jre/lib/{name}"));
            }
        }
        for library in libraries(home)? {
            image = image.file(&library, &library);
        }
        // As in the base images of Debian and Ubuntu: without it Java cannot read a variable whose letters are not ASCII.
        for category in CATEGORIES {
            let file = format!("/usr/lib/locale/C.utf8/{category}");
            image = image.file(&file, &file);
        }
        Ok(image)
    }
}

/// The system's libraries that Java and bash load.
fn libraries(home: &Path) -> Result<BTreeSet<String>> {
    let loaded = [
        "lib/server/libjvm.so",
        "lib/libjava.so",
        "lib/libnio.so",
        "lib/libnet.so",
        "lib/libzip.so",
        "bin/java",
    ];
    let mut command = Command::new("ldd");
    command
        .arg("/bin/bash")
        .args(loaded.map(|name| home.join(name)));
    let said = process::run(&mut command).context("ask which libraries Java needs")?;
    let home = home.display().to_string();
    Ok(said
        .split_whitespace()
        .filter(|word| word.starts_with("/lib") || word.starts_with("/usr/lib"))
        .filter(|word| !word.ends_with(':') && !word.starts_with(&home))
        .map(str::to_owned)
        .collect())
}
