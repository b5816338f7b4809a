package entity

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
)

// Image returns the key of an image: its digest where one is known, since it
// alone identifies what runs, or else "repository:tag".
func Image(repository, tag, digest string) (model.Key, bool) {
	repository, embedded := splitDigest(strings.TrimSpace(repository))
	if digest == "" {
		digest = embedded
	}
	if digest, ok := canonicalDigest(digest); ok {
		return New(model.KindImage, digest)
	}
	repository, embedded = splitTag(repository)
	if !known(repository) {
		return model.Key{}, false
	}
	if !known(tag) {
		tag = embedded
	}
	return New(model.KindImage, familiar(repository)+":"+orLatest(tag))
}

// ImageReference returns the key of an image as a pod's specification has it.
func ImageReference(reference string) (model.Key, bool) {
	reference = strings.TrimPrefix(reference, "docker-pullable://")
	return Image(reference, "", "")
}

func splitDigest(reference string) (repository, digest string) {
	repository, digest, _ = strings.Cut(reference, "@")
	return repository, digest
}

// splitTag tells a tag from the port of a registry: a tag has no slash after it.
func splitTag(reference string) (repository, tag string) {
	colon := strings.LastIndexByte(reference, ':')
	if colon < 0 || strings.ContainsRune(reference[colon:], '/') {
		return reference, ""
	}
	return reference[:colon], reference[colon+1:]
}

func canonicalDigest(digest string) (string, bool) {
	digest = strings.ToLower(strings.TrimSpace(digest))
	hash, found := strings.CutPrefix(digest, "sha256:")
	return digest, found && len(hash) == 64 && hexadecimal(hash)
}

// familiar writes a repository as the Docker hub's users do, so that "nginx" in
// a pod and "docker.io/library/nginx" in a container are one image.
func familiar(repository string) string {
	repository = strings.TrimPrefix(repository, "index.docker.io/")
	repository = strings.TrimPrefix(repository, "docker.io/")
	return strings.TrimPrefix(repository, "library/")
}

func orLatest(tag string) string {
	if !known(tag) {
		return "latest"
	}
	return tag
}
