//! The programs of a cluster that are built from source, as families: one Go module file each (`programs/FAMILY/go.mod`), because a
//! common one would mix their versions. The versions are locked there; here stands how each is built.
//!
//! The module files exist because the modules of Kubernetes and etcd have `replace` lines, which `go install` refuses.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::place;

/// A set of programs that is built, kept and found together.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    /// The module whose version names the family.
    pub module: &'static str,
    /// Each program's package.
    pub packages: &'static [Package],
    /// Build tags, divided by commas.
    pub tags: &'static str,
    /// String variables that the linker sets to the version.
    stamps: Stamps,
}

/// A program: what its file is called, and the Go package it is built from.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    pub program: &'static str,
    pub path: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Stamps {
    None,
    Containerd,
    /// Without its version the API server takes itself for v0.0.0 and does not start.
    Kubernetes,
}

/// All families, quick ones first, so that a fault of the set-up shows early.
pub const FAMILIES: [Family; 10] = [
    Family {
        name: "goose",
        module: "github.com/pressly/goose/v3",
        packages: &[Package {
            program: "goose",
            path: "github.com/pressly/goose/v3/cmd/goose",
        }],
        tags: "no_clickhouse,no_libsql,no_mssql,no_sqlite3,no_vertica,no_ydb",
        stamps: Stamps::None,
    },
    Family {
        name: "golang-migrate",
        module: "github.com/golang-migrate/migrate/v4",
        packages: &[Package {
            program: "migrate",
            path: "github.com/golang-migrate/migrate/v4/cmd/migrate",
        }],
        tags: "postgres,pgx5,mysql",
        stamps: Stamps::None,
    },
    Family {
        name: "miniflux",
        module: "miniflux.app/v2",
        packages: &[Package {
            program: "miniflux",
            path: "miniflux.app/v2",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "dbos",
        module: "github.com/dbos-inc/dbos-transact-golang",
        packages: &[Package {
            program: "dbos",
            path: "github.com/dbos-inc/dbos-transact-golang/cmd/dbos",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "etcd",
        module: "go.etcd.io/etcd/server/v3",
        packages: &[Package {
            program: "etcd",
            path: "go.etcd.io/etcd/server/v3",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "containerd",
        module: "github.com/containerd/containerd/v2",
        packages: &[
            Package {
                program: "containerd",
                path: "github.com/containerd/containerd/v2/cmd/containerd",
            },
            Package {
                program: "containerd-shim-runc-v2",
                path: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            },
            Package {
                program: "ctr",
                path: "github.com/containerd/containerd/v2/cmd/ctr",
            },
        ],
        tags: "",
        stamps: Stamps::Containerd,
    },
    Family {
        name: "kwok",
        module: "sigs.k8s.io/kwok",
        packages: &[Package {
            program: "kwok",
            path: "sigs.k8s.io/kwok/cmd/kwok",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "helm",
        module: "helm.sh/helm/v4",
        packages: &[Package {
            program: "helm",
            path: "helm.sh/helm/v4/cmd/helm",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "coredns",
        module: "github.com/coredns/coredns",
        packages: &[Package {
            program: "coredns",
            path: "github.com/coredns/coredns",
        }],
        tags: "",
        stamps: Stamps::None,
    },
    Family {
        name: "kubernetes",
        module: "k8s.io/kubernetes",
        packages: &[
            Package {
                program: "kube-apiserver",
                path: "k8s.io/kubernetes/cmd/kube-apiserver",
            },
            Package {
                program: "kube-controller-manager",
                path: "k8s.io/kubernetes/cmd/kube-controller-manager",
            },
            Package {
                program: "kube-scheduler",
                path: "k8s.io/kubernetes/cmd/kube-scheduler",
            },
            Package {
                program: "kubelet",
                path: "k8s.io/kubernetes/cmd/kubelet",
            },
            Package {
                program: "kube-proxy",
                path: "k8s.io/kubernetes/cmd/kube-proxy",
            },
            Package {
                program: "kubectl",
                path: "k8s.io/kubernetes/cmd/kubectl",
            },
        ],
        tags: "",
        stamps: Stamps::Kubernetes,
    },
];

impl Family {
    /// The folder of its module file.
    pub fn source(&self) -> PathBuf {
        place::project()
            .join("tests/cluster/programs")
            .join(self.name)
    }

    /// The text of its module file.
    pub fn module_file(&self) -> Result<String> {
        let path = self.source().join("go.mod");
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// The version its module file requires, without the `v`.
    pub fn version(&self) -> Result<String> {
        version_of(self.module, &self.module_file()?)
            .with_context(|| format!("{} requires no {}", self.name, self.module))
    }

    /// The linker's flags: no symbol tables, and the version where the program wants it.
    pub fn linker_flags(&self, version: &str) -> String {
        let stamps: Vec<(String, String)> = match self.stamps {
            Stamps::None => Vec::new(),
            Stamps::Containerd => {
                vec![(
                    "github.com/containerd/containerd/v2/version.Version".to_owned(),
                    format!("v{version}"),
                )]
            }
            Stamps::Kubernetes => kubernetes_stamps(version),
        };
        let stamps: Vec<String> = stamps
            .iter()
            .map(|(name, value)| format!(" -X {name}={value}"))
            .collect();
        format!("-s -w{}", stamps.concat())
    }
}

fn kubernetes_stamps(version: &str) -> Vec<(String, String)> {
    let minor = version.split('.').nth(1).unwrap_or_default();
    [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ]
    .iter()
    .flat_map(|package| {
        [
            (format!("{package}.gitVersion"), format!("v{version}")),
            (format!("{package}.gitMajor"), "1".to_owned()),
            (format!("{package}.gitMinor"), minor.to_owned()),
            (format!("{package}.gitTreeState"), "archive".to_owned()),
        ]
    })
    .collect()
}

/// Finds `MODULE vVERSION` in a `require` block or line.
fn version_of(module: &str, module_file: &str) -> Option<String> {
    module_file.lines().find_map(|line| {
        let mut words = line
            .trim()
            .trim_start_matches("require ")
            .split_whitespace();
        let found = words.next() == Some(module);
        found
            .then(|| words.next())
            .flatten()?
            .strip_prefix('v')
            .map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, version_of};

    #[test]
    fn a_version_is_read_from_a_block_and_from_a_line() {
        assert_eq!(
            version_of(
                "a/b",
                "require (\n\ta/bc v2.0.0\n\ta/b v1.2.3 // indirect\n)\n"
            ),
            Some("1.2.3".to_owned())
        );
        assert_eq!(
            version_of("a/b", "require a/b v1.2.4\n"),
            Some("1.2.4".to_owned())
        );
        assert_eq!(version_of("a/b", "require a/c v1.2.4\n"), None);
    }

    #[test]
    fn every_family_names_its_version() {
        for family in FAMILIES {
            assert!(family.version().is_ok(), "{}", family.name);
        }
    }
}
