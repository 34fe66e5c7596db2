#include "net/messages/offset_commit.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::offset_commit_request);
KARST_DEFINE_MESSAGE(karst::net::offset_commit_response);
