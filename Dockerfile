# For those who have a container daemon. `make image` builds the same image
# without one.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/ ./cmd/manager ./cmd/investigator

FROM scratch
COPY --from=build /src/LICENSE /src/NOTICE /
COPY --from=build /out/manager /out/investigator /
USER 65532:65532
ENTRYPOINT ["/manager"]
