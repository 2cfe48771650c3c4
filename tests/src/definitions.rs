//! Definitions as teams write them, for measuring: eight kinds of services, varied by a seed. Not for comparing parsers: nothing here is odd.

/// Whether the steps hold shell scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steps {
    /// Every RUN is a JSON list, which no shell reads.
    Lists,
    /// RUN steps as people write them.
    Scripts,
}

/// `count` definitions; the same seed gives the same ones.
pub fn definitions(seed: u64, count: usize, steps: Steps) -> Vec<String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..count).map(|_| definition(&mut dice, steps)).collect()
}

/// A small generator of numbers (xorshift64*): measuring needs variety, not chance.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or_default() % sides.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

const BASES: [&str; 8] = [
    "debian:12.7-slim",
    "python:3.12-slim",
    "node:22.9-alpine",
    "golang:1.23",
    "eclipse-temurin:21-jre",
    "nginx:1.27",
    "reg.example.org/base/os:10.4.9",
    "ubuntu",
];

const NAMES: [&str; 8] = ["shop", "orders", "mailer", "gateway", "reports", "search", "billing", "images"];

const SCRIPTS: [&str; 8] = [
    "apt-get update \\\n    && apt-get install -y --no-install-recommends curl ca-certificates \\\n    && rm -rf /var/lib/apt/lists/*",
    "apk add --no-cache tini=0.19.0-r3 libstdc++",
    "pip install --no-cache-dir -r requirements.txt && python -m compileall .",
    "npm ci --omit=dev && npm cache clean --force",
    "go build -trimpath -ldflags '-s -w' -o /out/app ./cmd/app",
    "set -eux; for d in cache logs tmp; do mkdir -p \"/var/app/$d\"; chown 1000:1000 \"/var/app/$d\"; done",
    "curl -fsSL https://example.org/tool.tgz | tar -xz -C /opt && ln -s /opt/tool/bin/tool /usr/local/bin/tool",
    "addgroup -g 1000 app && adduser -D -u 1000 -G app app",
];

const LISTS: [&str; 4] = [
    "[\"/usr/local/bin/install-dependencies\", \"--locked\"]",
    "[\"python\", \"-m\", \"compileall\", \"/app\"]",
    "[\"npm\", \"ci\", \"--omit=dev\"]",
    "[\"make\", \"-C\", \"/src\", \"release\"]",
];

fn definition(dice: &mut Dice, steps: Steps) -> String {
    let name = dice.pick(&NAMES);
    let version = dice.below(90);
    let mut text =
        format!("# syntax=docker/dockerfile:1\n# The {name} service.\nARG VERSION=1.{version}.0\n\n");
    for stage in 0..=dice.below(3) {
        let base = dice.pick(&BASES);
        text += &format!("FROM {base} AS stage{stage}\n");
        text += &format!("ARG VERSION\nENV APP_HOME=/srv/{name} \\\n    APP_VERSION=${{VERSION}}\n");
        text += "WORKDIR /srv/app\n";
        text +=
            &format!("COPY --chown=1000:1000 requirements.txt setup.cfg ./\nCOPY src/{name}/ ./{name}/\n");
        for _ in 0..=dice.below(3) {
            let step = match steps {
                Steps::Lists => dice.pick(&LISTS),
                Steps::Scripts => dice.pick(&SCRIPTS),
            };
            text += &format!("RUN {step}\n");
        }
        if stage > 0 {
            text += &format!("COPY --from=stage{} /srv/app/dist ./dist\n", stage - 1);
        }
    }
    text += &format!(
        "LABEL org.opencontainers.image.title=\"{name}\" \\\n      org.opencontainers.image.version=\"1.{version}.0\"\n"
    );
    text += &format!("EXPOSE 80{:02}\nUSER 1000\n", dice.below(100));
    text += "HEALTHCHECK --interval=30s --timeout=3s CMD [\"/srv/app/health\"]\n";
    text + "ENTRYPOINT [\"/srv/app/run\"]\nCMD [\"--verbose\"]\n"
}

#[cfg(test)]
mod tests {
    use dockerfile::Dockerfile;

    use super::*;

    #[test]
    fn every_definition_is_sound_and_the_seed_decides() {
        for steps in [Steps::Lists, Steps::Scripts] {
            let all = definitions(7, 200, steps);
            for text in &all {
                assert_eq!(Dockerfile::read(text).errors(), [], "{text}");
            }
            assert_eq!(all, definitions(7, 200, steps));
            assert_ne!(all, definitions(8, 200, steps));
        }
    }
}
