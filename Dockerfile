# The Sagewatch image: compiled JavaScript, production packages, no shell script and no package manager of Node, run as
# uid 1000. What is in it, Debian's packages too, is listed in /opt/sagewatch/sbom.cdx.json (CycloneDX).
#
# It wants a read-only root file system, no capability and no new privilege. It writes only below /var/lib/sagewatch
# (state: keep it on a volume) and where the config says. Node is process 1: main installs the signal handlers, and the
# daemon starts no process that would have to be reaped. Pin BASE by digest where images are built for production.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json \
  && chmod 0755 dist/main.js \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# Both stages have the same base, so what dpkg lists here is what the image has.
COPY tools/image/sbom.ts ./
RUN node sbom.ts . > sbom.cdx.json

FROM ${BASE}
ENV NODE_ENV=production SAGEWATCH_STATE_DIR=/var/lib/sagewatch SAGEWATCH_HTTP=0.0.0.0:9464
WORKDIR /opt/sagewatch
COPY --from=build /build/package.json /build/sbom.cdx.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY LICENSE ./
COPY detections ./detections
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/sagewatch \
  && install -d -m 0755 /etc/sagewatch \
  && ln -s /opt/sagewatch/dist/main.js /usr/local/bin/sagewatch \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
VOLUME /var/lib/sagewatch
USER 1000:1000
STOPSIGNAL SIGTERM
EXPOSE 9464
# Alive, not ready: a daemon that waits for room or drains must not be restarted. Where the configuration changes http.port
# or switches the pages off, give the container a --health-cmd of its own or --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.SAGEWATCH_HTTP.split(':').pop() + '/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The heap is kept small as in tools/run.mjs, which says why.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--heap-growing-percent=100", "--v8-pool-size=1", "/opt/sagewatch/dist/main.js"]
CMD ["run"]
