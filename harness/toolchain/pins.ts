/**
 * What is downloaded or built where the machine has no tool of its own.
 *
 * Each sha256 was seen in at least two independent public repositories before it was pinned here;
 * that of k6 for darwin-arm64 in one.
 */

/** A published release. The keys of `assets` are `<process.platform>-<process.arch>`. */
export interface ReleasePin {
  readonly version: string;
  readonly assets: Readonly<Record<string, ReleaseAsset>>;
}

export interface ReleaseAsset {
  /** Below the host's releases URL. */
  readonly path: string;
  readonly sha256: string;
}

export interface GoPin {
  readonly module: string;
  readonly version: string;
  /** What to expect, for the progress line. */
  readonly buildTakes: string;
}

const k6Path = "/grafana/k6/releases/download/v2.1.0/k6-v2.1.0";

export const k6Release: ReleasePin = {
  version: "2.1.0",
  assets: {
    "linux-x64": {
      path: `${k6Path}-linux-amd64.tar.gz`,
      sha256: "295d961ebfca306f295f1133068dcd403a8171c87f387928f5f30b0fbcff858a",
    },
    "linux-arm64": {
      path: `${k6Path}-linux-arm64.tar.gz`,
      sha256: "191fa8d89512a4e5083f3fabcb4c3828af9f5b9eee016de8443f6473c029ffb5",
    },
    "darwin-x64": {
      path: `${k6Path}-macos-amd64.zip`,
      sha256: "a600f44ad411ad5f5f7d178405d9956dac34c43563341396f1017ae7f79221a9",
    },
    "darwin-arm64": {
      path: `${k6Path}-macos-arm64.zip`,
      sha256: "7388e449816fdb98afe65f349f3983304ba5e14f73b6bee0d7f96c4e3e6b8942",
    },
  },
};

/** The newest k6 that the Go module proxy serves under this path. */
export const k6Module: GoPin = {
  module: "go.k6.io/k6",
  version: "1.8.1",
  buildTakes: "about a minute",
};

const toxiproxyPath = "/Shopify/toxiproxy/releases/download/v2.12.0/toxiproxy-server";

export const toxiproxyRelease: ReleasePin = {
  version: "2.12.0",
  assets: {
    "linux-x64": {
      path: `${toxiproxyPath}-linux-amd64`,
      sha256: "556d891134a3c582dc1e1a3f7335fd55142e5965769855a00b944e13e48302fc",
    },
    "linux-arm64": {
      path: `${toxiproxyPath}-linux-arm64`,
      sha256: "53e770c1c3035b5a9f1bc629fce537db1f95f62b26f4ebe6e756afd701cf077c",
    },
    "darwin-x64": {
      path: `${toxiproxyPath}-darwin-amd64`,
      sha256: "9625bba4bd96117eedae49f982aba4c2f462b268dd406c9ff18186f9b1ef8afe",
    },
    "darwin-arm64": {
      path: `${toxiproxyPath}-darwin-arm64`,
      sha256: "aa299966b52f16a8594f1cd0d1e9049dc2e8fe2c04a90c19860e2719b2b95d15",
    },
  },
};

export const toxiproxyModule: GoPin = {
  module: "github.com/Shopify/toxiproxy/v2/cmd/server",
  version: "2.12.0",
  buildTakes: "about 20 s",
};
