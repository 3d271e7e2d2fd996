# syntax=docker/dockerfile:1
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci
COPY migrations ./migrations
COPY src ./src
RUN npm run build
RUN npm prune --omit=dev
# Key services need their library: --build-arg KEY_SERVICE_PACKAGE=@aws-sdk/client-kms or @google-cloud/kms
ARG KEY_SERVICE_PACKAGE=""
RUN if [ -n "$KEY_SERVICE_PACKAGE" ]; then npm install --no-save --omit=dev "$KEY_SERVICE_PACKAGE"; fi

FROM ${NODE_IMAGE}
# Everything but the data directory can be mounted read-only.
RUN install -d -o node -g node /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/migrations ./migrations
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 VALETKEY_DATA_DIR=/data
USER node
VOLUME /data
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=64"]
CMD ["dist/main.js"]
