# The Sagewatch image: compiled JavaScript, production packages, no shell script and no build tool, run as uid 1000.
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
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BASE}
ENV NODE_ENV=production SAGEWATCH_STATE_DIR=/var/lib/sagewatch
WORKDIR /opt/sagewatch
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY LICENSE ./
COPY detections ./detections
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/sagewatch && install -d -m 0755 /etc/sagewatch
VOLUME /var/lib/sagewatch
USER 1000:1000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "/opt/sagewatch/dist/main.js", "version", "--json"]
# The nursery is kept small as in tools/run.mjs, which says why.
ENTRYPOINT ["node", "--max-semi-space-size=8", "/opt/sagewatch/dist/main.js"]
CMD ["run"]
